"""Step: add and remove second factors, with all that follows from it."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.factors.recovery_codes import RecoveryCodes
from app.domain.factors.store import FactorStore, MatchedCode, NoSuchFactor
from app.domain.passkeys.store import PasskeyStore
from app.flows.steps.check_second_factor import WrongCode
from app.flows.steps.notify import Email, Notify


@dataclass(frozen=True, slots=True)
class ChangeFactors:
    """All within a unit of work that has locked the account's row.

    No change raises the version of the credentials: that would make the links "this was not me" invalid which the
    owner has received, and an intruder could do it by adding a factor.
    """

    accounts: AccountStore
    factors: FactorStore
    recovery_codes: RecoveryCodes
    passkeys: PasskeyStore
    notify: Notify
    journal: Journal

    def add(self, account: AccountSnapshot, matched: MatchedCode, client: ClientInfo, now: datetime) -> list[str]:
        """Make a factor count; the recovery codes, if it is the first one. Raises `WrongCode`."""
        if not self.factors.confirm(matched, now):
            raise WrongCode
        codes: list[str] = []
        if not account.has_second_factor:
            self.accounts.update_locked(account.id, {"second_factor_at": now}, now)
            codes = self.recovery_codes.replace(account.id, now)
        self.journal.record(EventType.FACTOR_ADDED, client, now, account_id=account.id, factor=str(matched.factor_id))
        self.notify(Email.FACTOR_ADDED, account.email, client, now, account_id=account.id, factor_id=matched.factor_id)
        return codes

    def remove(
        self, account: AccountSnapshot, factor_id: int, client: ClientInfo, now: datetime, **details: str
    ) -> None:
        """Remove one factor, and with the last one the recovery codes. Raises `NoSuchFactor`."""
        if not self.factors.remove(account.id, factor_id):
            raise NoSuchFactor
        if not self.factors.count(account.id):
            self.accounts.update_locked(account.id, {"second_factor_at": None}, now)
            self.recovery_codes.delete(account.id)
        self.journal.record(
            EventType.FACTOR_REMOVED, client, now, account_id=account.id, factor=str(factor_id), **details
        )
        self.notify(Email.FACTOR_REMOVED, account.email, client, now, account_id=account.id)

    def remove_all(self, account: AccountSnapshot, now: datetime) -> None:
        """Remove every factor, recovery code and passkey of the account. Writes no event and queues no email."""
        self.factors.remove_all(account.id)
        self.recovery_codes.delete(account.id)
        self.passkeys.remove_all(account.id)
        if account.has_second_factor:
            self.accounts.update_locked(account.id, {"second_factor_at": None}, now)
