"""What the compatibility API needs: accounts without a password policy, sessions by id, reset tokens in responses.

It works on the same accounts and sessions as the rest. `app/web/compat` decides who may ask.
"""

import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.administrators import Administrators
from app.domain.accounts.emails import InvalidEmail, parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import EmailActionStore
from app.domain.sessions.model import PASSWORD
from app.domain.tokens.links import Links, LinkUsed
from app.flows.steps.find_email_action import FindEmailAction
from app.flows.steps.identity import AccountSessions, Identity
from app.flows.steps.notify import Email, Notify
from app.flows.steps.open_session import OpenSession
from app.flows.steps.purge_account import PurgeAccount
from app.flows.steps.replace_password import ReplacePassword
from app.flows.steps.require_second_factor import SecondFactorRequired
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail
from app.flows.steps.revoke_access import Cause, RevokeAccess

MAX_LISTED: Final = 1_000
BCRYPT_MAX_BYTES: Final = 72  # bcrypt ignores what follows: a longer password with the same beginning would match


@dataclass(frozen=True, slots=True)
class Compat:
    """Flows of the compatibility API alone. Its sessions last ten years."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    administrators: Administrators
    passwords: Passwords
    sessions: AccountSessions
    open_session: OpenSession
    email_actions: EmailActionStore
    links: Links
    find_email_action: FindEmailAction
    replace_password: ReplacePassword
    require_unreserved_email: RequireUnreservedEmail
    revoke_access: RevokeAccess
    purge_account: PurgeAccount
    notify: Notify
    journal: Journal
    token_lifetime: timedelta

    def all(self) -> list[AccountSnapshot]:
        """The first thousand accounts, the oldest first."""
        return self.accounts.oldest(MAX_LISTED)

    def by_id(self, account_id: str) -> AccountSnapshot | None:
        """The account with this id."""
        return self.accounts.by_id(account_id)

    def by_email(self, email: str) -> AccountSnapshot | None:
        """The account with this address, however it is spelled; None for an invalid address."""
        try:
            return self.accounts.by_email(parse_address(email).canonical)
        except InvalidEmail:
            return None

    def by_reset_token(self, token: str) -> AccountSnapshot | None:
        """The account of a reset token. Raises `LinkInvalid`, `LinkExpired` or `LinkUsed`."""
        return self.accounts.by_id(self.find_email_action.by_link(Purpose.RESET_PASSWORD, token).account_id)

    def hash(self, password: str) -> str:
        """The text to keep for a password, whatever its length."""
        return self.passwords.hash(password)

    def plain_hash(self, password: str) -> str:
        """The same as bcrypt of the password itself; where bcrypt could not see all of it, the hash of `hash`."""
        if len(password.encode()) >= BCRYPT_MAX_BYTES:
            return self.hash(password)
        return self.passwords.plain_bcrypt(password)

    def matches(self, password: str, kept: str) -> bool:
        """Whether `password` is the one behind a hash."""
        return self.passwords.matches(password, kept)

    def create(
        self, email: str, password_hash: str | None, client: ClientInfo, account_id: str | None = None
    ) -> AccountSnapshot:
        """Create an account without opening a session. Its id may be given. Raises `EmailTaken`."""
        address, now = parse_address(email), self.clock.now()
        with self.work as work:
            account = self.accounts.create(address, password_hash, now, account_id=account_id)
            self.require_unreserved_email(address, account.id, now)
            self.notify(Email.VERIFY_EMAIL, account.email, client, now, account_id=account.id)
            self.journal.record(EventType.ACCOUNT_CREATED, client, now, account_id=account.id)
            work.commit()
        return account

    def sign_in(self, account: AccountSnapshot, client: ClientInfo) -> str | None:
        """The id of a new session; None if the account's credentials have changed since it was read.

        None as well for an account that needs a second factor: this API cannot ask for it.
        """
        with self.work as work:
            try:
                session = self.open_session(account, PASSWORD, client, self.clock.now())
            except SecondFactorRequired:
                return None
            if session is None:
                return None
            work.commit()
        return session.id

    def session(self, session_id: str) -> Identity | None:
        """The live session with this id, and its account; any text may be asked for."""
        try:
            found = self.sessions.find(str(uuid.UUID(session_id)))
        except ValueError:
            return None
        return found if found and found.session.alive and found.owner.disabled_at is None else None

    def end_sessions(self, account_id: str, client: ClientInfo) -> None:
        """End every session of the account."""
        now = self.clock.now()
        with self.work as work:
            self.revoke_access(account_id, Cause.SIGNED_OUT, now)
            self.journal.record(EventType.SESSION_ENDED, client, now, account_id=account_id, scope="all")
            work.commit()

    def reset_token(self, account: AccountSnapshot) -> str:
        """A token that sets the password once and replaces every earlier one. No email carries it.

        Raises `NoSuchAccount`.
        """
        expires_at, unsent = self.clock.now() + self.token_lifetime, -1 - secrets.randbits(62)
        with self.work as work:
            self.accounts.require_for_update(account.id)
            self.email_actions.create(account.id, Purpose.RESET_PASSWORD, expires_at, message_id=unsent)
            work.commit()
        return self.links.sign(Purpose.RESET_PASSWORD, account_id=account.id, state=unsent, expires_at=expires_at)

    def revoke_reset_token(self, account: AccountSnapshot) -> None:
        """Revoke the reset tokens of the account, and the reset links in emails."""
        with self.work as work:
            self.revoke_access.of_reset_links(account.id)
            work.commit()

    def reset(self, token: str, password: str, client: ClientInfo) -> None:
        """Set the password, of any length, and end every session. Raises `LinkUsed` for every use but the first."""
        action = self.find_email_action.by_link(Purpose.RESET_PASSWORD, token)
        account = self.accounts.by_id(action.account_id)
        if account is None or not self.replace_password(account, self.hash(password), client, action):
            raise LinkUsed

    def change_email(self, account: AccountSnapshot, email: str, client: ClientInfo) -> bool:
        """Change the address without confirmation, and end all sessions. Raises `EmailTaken`."""
        address, now = parse_address(email), self.clock.now()
        with self.work as work:
            if not self.accounts.set_email(account, address, now, verified=False):
                return False
            self.require_unreserved_email(address, account.id, now)
            self.revoke_access(account.id, Cause.EMAIL_REPLACED, now)
            self.journal.record(EventType.EMAIL_CHANGED, client, now, account_id=account.id)
            work.commit()
        return True

    def purge(self, account: AccountSnapshot) -> None:
        """Delete the account and all its data at once. Raises `LastAdmin`."""
        now = self.clock.now()
        with self.work as work:
            self.administrators.require_another_admin(account.id)
            self.accounts.schedule_deletion(account.id, now, now)
            work.commit()
        self.purge_account(account, now)
