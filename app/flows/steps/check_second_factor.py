"""Step: check the code of an authenticator app, or a recovery code."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Invalid, ServiceError, Unavailable
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.audit.journal import EventType, Journal
from app.domain.factors.recovery_codes import RecoveryCodes
from app.domain.factors.store import FactorStore, MatchedCode
from app.domain.limits.attempts import Attempt, AttemptLimiter
from app.flows.steps.notify import Email, Notify

METHOD: Final = ("otp",)  # RFC 8176, for recovery codes too


class WrongCode(Invalid):
    """The code is wrong, of another time, or was used before. Which of them is not said."""

    code = "code_invalid"
    detail = "This code is wrong or was already used. Wait for the next code of the app, or use a recovery code."
    field = "code"


class FactorsUnreadable(Unavailable):
    """No secret of this process decrypts the account's second factor."""

    detail = "The service cannot read second factors. Set KEY_ENCRYPTION_SECRET, or SECRET_KEY, to their secret."


@dataclass(frozen=True, slots=True)
class CheckSecondFactor:
    """Checks codes and limits wrong ones.

    They have a counter of their own for each account. Only a caller who has passed the first factor can raise it, so a
    stranger cannot lock anybody out.
    """

    work: UnitOfWork
    clock: Clock
    factors: FactorStore
    recovery_codes: RecoveryCodes
    attempt_limiter: AttemptLimiter
    notify: Notify
    journal: Journal

    def code(self, account: AccountSnapshot, code: str, client: ClientInfo, session: str | None) -> Callable[[], None]:
        """A function that accepts the right code within a unit of work. It and this raise `WrongCode`.

        `session` is the one in which the code is asked for, if any: it has a counter of its own. Raises `RateLimited`.
        """
        now, attempt = self.clock.now(), self._attempt(account, session)
        try:
            matched = self.factors.match(self.factors.of_account(account.id), code, now)
        except ValueError as error:
            raise FactorsUnreadable from error
        if matched is None:
            raise self._wrong(attempt, account, client, now, WrongCode())
        self._require_unlocked(attempt)
        return lambda: self._use(matched, now)

    def recovery_code(
        self, account: AccountSnapshot, code: str, client: ClientInfo, session: str | None
    ) -> Callable[[], None]:
        """The same for a recovery code. Its use is told to the owner, with the number of codes that are left."""
        now, attempt = self.clock.now(), self._attempt(account, session)
        if not self.recovery_codes.has(account.id, code):
            raise self._wrong(attempt, account, client, now, WrongCode(field="recovery_code"))
        self._require_unlocked(attempt)
        return lambda: self._use_recovery_code(account, code, client, now)

    def _attempt(self, account: AccountSnapshot, session: str | None) -> Attempt:
        return self.attempt_limiter.attempt(f"second factor of {account.id}", session)

    def _require_unlocked(self, attempt: Attempt) -> None:
        too_many = attempt.settle(right=True)
        if too_many:
            raise too_many

    def _wrong(
        self, attempt: Attempt, account: AccountSnapshot, client: ClientInfo, now: datetime, error: WrongCode
    ) -> ServiceError:
        """The error to raise. The guess that reaches the limit is told to the owner: the first factor was right."""
        too_many = attempt.settle(right=False)
        self.journal.record_now(EventType.SECOND_FACTOR_FAILED, client, now, account_id=account.id)
        if attempt.locked() and not too_many:
            with self.work as work:
                self.notify(Email.SECOND_FACTOR_GUESSED, account.email, client, now, account_id=account.id)
                work.commit()
        return too_many or error

    def _use(self, matched: MatchedCode, now: datetime) -> None:
        if not self.factors.use(matched, now):
            raise WrongCode

    def _use_recovery_code(self, account: AccountSnapshot, code: str, client: ClientInfo, now: datetime) -> None:
        if not self.recovery_codes.use(account.id, code):
            raise WrongCode(field="recovery_code")
        left = self.recovery_codes.left_in_transaction(account.id)
        self.journal.record(EventType.RECOVERY_CODE_USED, client, now, account_id=account.id, left=left)
        self.notify(Email.RECOVERY_CODE_USED, account.email, client, now, account_id=account.id, left=left)
