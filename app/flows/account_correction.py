"""Correction: an administrator changes what an account says about its owner, in one unit of work."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import Address, parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore, NoSuchAccount
from app.domain.audit.journal import EventType, Journal
from app.flows.steps.allow_undo import AllowUndo
from app.flows.steps.notify import Email, Notify
from app.flows.steps.require_administrator import Actor, Administrator, RequireAdministrator
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class AccountCorrection:
    """Changes address, verification, names and language of an account. The row lock decides races with its owner."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    allow_undo: AllowUndo
    notify: Notify
    journal: Journal
    require_administrator: RequireAdministrator
    require_unreserved_email: RequireUnreservedEmail
    revoke_access: RevokeAccess

    def correct(
        self,
        by: Administrator,
        account_id: str,
        *,
        email: str | None = None,
        email_verified: bool | None = None,
        **profile: str | None,
    ) -> AccountSnapshot:
        """The changed account. Raises `NoSuchAccount`, `InvalidEmail` or `EmailTaken`, and then changes nothing.

        `by` is an administrator who authenticated recently, or None for an operator at a shell. `email` and
        `email_verified` stay if they are None; in `profile`, names and locale, None removes the value.
        """
        actor, now = self.require_administrator(by), self.clock.now()
        address = parse_address(email) if email is not None else None
        with self.work as work:
            account = self.accounts.require_for_update(account_id)
            if address is not None and address.canonical != account.email_canonical:
                self._change_email(account, address, now, actor, verified=bool(email_verified))
            else:
                self._set_verified(account, email_verified, now, actor)
                profile |= {"email": address.typed} if address is not None else {}  # another spelling of it
            self._update(account, profile, now, actor)
            work.commit()
        corrected = self.accounts.by_id(account_id)
        if corrected is None:
            raise NoSuchAccount
        return corrected

    def _change_email(
        self, account: AccountSnapshot, address: Address, now: datetime, actor: Actor, *, verified: bool
    ) -> None:
        self.accounts.correct_email(account, address, now, verified=verified)
        self.require_unreserved_email(address, account.id, now)
        self.revoke_access(account.id, Cause.EMAIL_REPLACED, now)
        if account.email_verified:  # else it may be a mistyped address, of a stranger who could undo the correction
            self.allow_undo(account, address, ClientInfo(), now)
        if not verified:
            self._ask_to_verify(account, address.typed, now)
        self.journal.record(EventType.EMAIL_CHANGED, ClientInfo(), now, account_id=account.id, **actor)

    def _set_verified(self, account: AccountSnapshot, verified: bool | None, now: datetime, actor: Actor) -> None:
        if verified and self.accounts.verify_email(account, now):
            self.journal.record(EventType.EMAIL_VERIFIED, ClientInfo(), now, account_id=account.id, **actor)
        if verified is False and account.email_verified:
            self.accounts.update_locked(account.id, {"email_verified_at": None}, now)
            self._ask_to_verify(account, account.email, now)
            self.journal.record(EventType.EMAIL_UNVERIFIED, ClientInfo(), now, account_id=account.id, **actor)

    def _update(self, account: AccountSnapshot, values: dict[str, str | None], now: datetime, actor: Actor) -> None:
        changed = {name: value for name, value in values.items() if getattr(account, name) != value}
        if changed:
            self.accounts.update_locked(account.id, changed, now)
            members = " ".join(sorted(changed))
            self.journal.record(
                EventType.ACCOUNT_UPDATED, ClientInfo(), now, account_id=account.id, **actor, members=members
            )

    def _ask_to_verify(self, account: AccountSnapshot, address: str, now: datetime) -> None:
        self.notify(Email.VERIFY_EMAIL, address, ClientInfo(), now, account_id=account.id, locale=account.locale)
