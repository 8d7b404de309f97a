"""Administration: open, find, disable, enable and delete accounts, and say what they may do.

`by` is an administrator who authenticated recently, or None for an operator at a shell. No method here reads a password
or chooses one, but for opening an account from a shell.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.pagination import Page
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.administrators import Administrators
from app.domain.accounts.claims import claims_text, stored_claims
from app.domain.accounts.emails import parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.roles import ADMIN, role_words
from app.domain.accounts.search import AccountQuery, AccountSearch
from app.domain.accounts.store import AccountDisabled, AccountStore, NoSuchAccount
from app.domain.audit.journal import EventType, Journal
from app.flows.steps.notify import Email, Notify
from app.flows.steps.require_administrator import Administrator, RequireAdministrator
from app.flows.steps.require_open_sign_up import RequireOpenSignUp
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail
from app.flows.steps.revoke_access import Cause, RevokeAccess
from app.flows.steps.schedule_deletion import ScheduleDeletion

MAX_NAMES: Final = 1_000  # characters of an event


@dataclass(frozen=True, slots=True)
class AdminAccounts:
    """Looks after other people's accounts. Each change is in the journal, with who made it."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    account_search: AccountSearch
    administrators: Administrators
    passwords: Passwords
    notify: Notify
    journal: Journal
    require_administrator: RequireAdministrator
    require_open_sign_up: RequireOpenSignUp
    require_unreserved_email: RequireUnreservedEmail
    schedule_deletion: ScheduleDeletion
    revoke_access: RevokeAccess

    def page(self, lookup: AccountQuery) -> Page[AccountSnapshot]:
        """Accounts, newest first."""
        return self.account_search.page(lookup)

    def find(self, name: str) -> AccountSnapshot:
        """The account with this id or address, or `NoSuchAccount`."""
        found = self.accounts.by_email(parse_address(name).canonical) if "@" in name else self.accounts.by_id(name)
        if found is None:
            raise NoSuchAccount
        return found

    def invite(self, by: Administrator, email: str, roles: Iterable[str] = (), **about: str | None) -> AccountSnapshot:
        """Create an account for somebody, and send the email by which they choose a password or add a passkey.

        `about`: first_name, last_name, locale. Raises `EmailTaken` or `InvitationsClosed`.
        """
        actor, address, words = self.require_administrator(by), parse_address(email), role_words(roles)
        self.require_open_sign_up.to_invite(by)
        now = self.clock.now()
        with self.work as work:
            account = self.accounts.create(address, None, now, roles=words, invited_at=now, **about)
            self.require_unreserved_email(address, account.id, now)
            self.journal.record(
                EventType.ACCOUNT_INVITED, ClientInfo(), now, account_id=account.id, **actor, roles=words
            )
            self.notify(
                Email.INVITATION, account.email, ClientInfo(), now, account_id=account.id, locale=account.locale
            )
            work.commit()
        return account

    def create_with_password(
        self, email: str, password: str, roles: Iterable[str] = (), **about: str | None
    ) -> AccountSnapshot:
        """The same from a shell on a machine without mail: with a password, the address taken for confirmed."""
        actor, address, words = self.require_administrator(None), parse_address(email), role_words(roles)
        self.passwords.accept(password, address.canonical)
        password_hash, now = self.passwords.hash(password), self.clock.now()
        with self.work as work:
            account = self.accounts.create(address, password_hash, now, roles=words, email_verified_at=now, **about)
            self.require_unreserved_email(address, account.id, now)
            self.journal.record(
                EventType.ACCOUNT_CREATED, ClientInfo(), now, account_id=account.id, **actor, roles=words
            )
            work.commit()
        return account

    def disable(self, by: Administrator, account_id: str) -> None:
        """End all sessions of the account and block sign-ins. A second call changes nothing. Raises `LastAdmin`."""
        actor, now = self.require_administrator(by), self.clock.now()
        with self.work as work:
            self.administrators.require_another_admin(account_id)
            self.accounts.require_for_update(account_id)
            if self.accounts.disable(account_id, now):
                self.revoke_access(account_id, Cause.DISABLED, now)
                self.journal.record(EventType.ACCOUNT_DISABLED, ClientInfo(), now, account_id=account_id, **actor)
                work.commit()

    def enable(self, by: Administrator, account_id: str) -> None:
        """Allow sign-ins again. A second call changes nothing."""
        actor, now = self.require_administrator(by), self.clock.now()
        with self.work as work:
            self.accounts.require_for_update(account_id)
            if self.accounts.enable(account_id, now):
                self.journal.record(EventType.ACCOUNT_ENABLED, ClientInfo(), now, account_id=account_id, **actor)
                work.commit()

    def set_roles(self, by: Administrator, account_id: str, roles: Iterable[str]) -> None:
        """Replace the roles of the account. Raises `InvalidRoles` or `LastAdmin`."""
        wanted = frozenset(role_words(roles).split())
        self._change_roles(by, account_id, lambda _: wanted)

    def set_claims(self, by: Administrator, account_id: str, claims: object) -> None:
        """Replace the claims of the account; an empty object removes them. Raises `InvalidClaims`.

        The next access token contains them. The event names their keys, not their values.
        """
        actor, text, now = self.require_administrator(by), claims_text(claims), self.clock.now()
        with self.work as work:
            before = self.accounts.require_for_update(account_id)
            if text != before.claims_text:
                self.accounts.update_locked(account_id, {"claims": text}, now)
                names = " ".join(sorted(stored_claims(text)))[:MAX_NAMES]
                self.journal.record(
                    EventType.ACCOUNT_CLAIMS_CHANGED, ClientInfo(), now, account_id=account_id, **actor, claims=names
                )
                work.commit()

    def grant(self, by: Administrator, account_id: str, role: str) -> None:
        """Add a role."""
        self._change_roles(by, account_id, lambda roles: roles | {role})

    def revoke(self, by: Administrator, account_id: str, role: str) -> None:
        """Remove a role; does nothing if it is not set."""
        self._change_roles(by, account_id, lambda roles: roles - {role})

    def start_reset(self, by: Administrator, account_id: str) -> None:
        """Send the owner the email by which they choose a new password; the old one holds until then."""
        actor, account, now = self.require_administrator(by), self.find(account_id), self.clock.now()
        if account.disabled_at is not None:
            raise AccountDisabled
        with self.work as work:
            # To the address, as forgot-password does: so they count as one kind, and the newest email wins.
            address = account.email_canonical
            self.notify(Email.RESET_PASSWORD, address, ClientInfo(), now, locale=account.locale)
            self.journal.record(EventType.PASSWORD_RESET_STARTED, ClientInfo(), now, account_id=account.id, **actor)
            work.commit()

    def delete(self, by: Administrator, account_id: str) -> None:
        """Schedule the deletion, as the owner can; a sign-in within the grace period cancels it. Raises `LastAdmin`."""
        actor = self.require_administrator(by)
        self.schedule_deletion(self.find(account_id), self.clock.now(), ClientInfo(), actor)

    def _change_roles(
        self, by: Administrator, account_id: str, change: Callable[[frozenset[str]], frozenset[str]]
    ) -> None:
        actor, now = self.require_administrator(by), self.clock.now()
        with self.work as work:
            if ADMIN not in change(frozenset({ADMIN})):
                self.administrators.require_another_admin(account_id)
            before = self.accounts.require_for_update(account_id)
            words = role_words(change(frozenset(before.roles)))
            if words != before.role_words:
                self.accounts.set_roles(account_id, words, now)
                self.journal.record(
                    EventType.ACCOUNT_ROLES_CHANGED,
                    ClientInfo(),
                    now,
                    account_id=account_id,
                    **actor,
                    roles=words,
                    before=before.role_words,
                )
                work.commit()
