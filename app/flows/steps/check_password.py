"""Step: check a password. Every flow that takes one calls this."""

from dataclasses import dataclass
from typing import Final

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Forbidden, Unauthenticated
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.limits.attempts import AttemptLimiter
from app.flows.steps.identity import Identity
from app.flows.steps.recognize_device import RecognizeDevice
from app.flows.steps.sign_in_block import SignInBlock

UNVERIFIED: Final = (
    "Incorrect email or password, or the address is not confirmed yet. To confirm it, open the link in the email."
)


class InvalidCredentials(Unauthenticated):
    """The email address or the password is wrong. Which of them is not said."""

    code = "invalid_credentials"
    detail = "Incorrect email or password."


class WrongPassword(Forbidden):
    """The password in a session is not that of its account."""

    code = "wrong_password"
    detail = "Incorrect password."


class ReauthenticationRequired(Forbidden):
    """The session authenticated too long ago, or at too low a level, for this action."""

    code = "reauthentication_required"
    detail = "Recent authentication required: send the password, or call POST /api/v1/auth/reauthenticate and retry."


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """Checks passwords, limits and records wrong ones, and rehashes right ones at the present cost."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    passwords: Passwords
    attempt_limiter: AttemptLimiter
    recognize_device: RecognizeDevice
    journal: Journal
    sign_in_block: SignInBlock

    def of_address(self, email: str, password: str, client: ClientInfo) -> AccountSnapshot:
        """The account with this address and password.

        Raises `InvalidCredentials`, after the same work for a known and an unknown address, or `RateLimited`. Every
        failure is recorded, by the same statement with and without an account: leaving one out would be faster, and
        tell them apart. Their number is bounded by the hash slots and by the retention of the audit log.
        """
        canonical, now = parse_address(email).canonical, self.clock.now()
        account = self.accounts.by_email(canonical)
        attempt = self.attempt_limiter.attempt(canonical, self.recognize_device(account, client))
        right = self.passwords.matches(password, account.password_hash if account else None)
        closed = self.sign_in_block(account, now) if account and right else None
        too_many = attempt.settle(right=right and not closed)
        if account is None or not right or closed or too_many:
            account_id, details = account.id if account else None, {"reason": closed} if closed else _details(right)
            self.journal.record_now(EventType.LOGIN_FAILED, client, now, account_id=account_id, **details)
            raise too_many or InvalidCredentials(UNVERIFIED if self.sign_in_block.require_verified else None)
        self._rehash(account, password)
        return account

    def of_session(self, identity: Identity, password: str, client: ClientInfo) -> None:
        """Check the password of a session. Raises `WrongPassword` or `RateLimited`."""
        account, session = identity.owner, identity.session
        attempt = self.attempt_limiter.attempt(account.email_canonical, session.id)
        right = self.passwords.matches(password, account.password_hash)
        too_many = attempt.settle(right=right)
        if not right or too_many:
            session_id, now = session.id or None, self.clock.now()
            self.journal.record_now(
                EventType.REAUTHENTICATION_FAILED,
                client,
                now,
                account_id=account.id,
                session_id=session_id,
                **_details(right),
            )
            raise too_many or WrongPassword

    def _rehash(self, account: AccountSnapshot, password: str) -> None:
        if account.password_hash and self.passwords.is_outdated(account.password_hash):
            stronger = self.passwords.hash(password)
            with self.work as work:
                self.accounts.rehash(account.id, account.password_hash, stronger)
                work.commit()


def _details(right: bool) -> dict[str, str]:
    # A right password after too many wrong ones is recorded too; otherwise its 429 would be faster.
    return {"reason": "rate_limited"} if right else {}
