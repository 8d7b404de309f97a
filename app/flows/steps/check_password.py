"""Step: is this the account's password? Every path that takes one asks here."""

from dataclasses import dataclass
from datetime import datetime
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
from app.domain.sessions.model import OwnedSession
from app.flows.steps.recognize_device import RecognizeDevice

UNVERIFIED: Final = (
    "Email address or password is wrong, or the address is not confirmed yet: then open the link in the email we sent."
)


class InvalidCredentials(Unauthenticated):
    """Address and password do not belong together; which of them is wrong is not said."""

    code = "invalid_credentials"
    detail = "Email address or password is wrong."


class WrongPassword(Forbidden):
    """Somebody signed in gave a password that is not theirs."""

    code = "wrong_password"
    detail = "This is not the password of your account."


class ReauthenticationRequired(Forbidden):
    """The password was last given too long ago for what is asked."""

    code = "reauthentication_required"
    detail = "Give your password again: send it in the body, or to /api/v1/auth/reauthenticate, and repeat."


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """Checks passwords within the limits of guessing, writes down the wrong ones, keeps right ones at today's cost."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    passwords: Passwords
    attempt_limiter: AttemptLimiter
    recognize_device: RecognizeDevice
    journal: Journal
    require_verified: bool

    def of_address(self, email: str, password: str, client: ClientInfo) -> AccountSnapshot:
        """The account, or `InvalidCredentials` after the same work for a known and an unknown address, or `TooMany`.

        That somebody failed is written down for both: the same statement, with an account or without. Every failure
        is, as one left out would answer faster. What they amount to is bounded by the slots for hashing and by the
        journal's retention.
        """
        canonical, now = parse_address(email).canonical, self.clock.now()
        account = self.accounts.by_email(canonical)
        attempt = self.attempt_limiter.attempt(canonical, self.recognize_device(account, client))
        right = self.passwords.matches(password, account.password_hash if account else None)
        closed = self._closed(account, now) if account and right else None
        too_many = attempt.settle(right=right and not closed)
        if account is None or not right or closed or too_many:
            account_id, details = account.id if account else None, {"reason": closed} if closed else _details(right)
            self.journal.record_now(EventType.LOGIN_FAILED, client, now, account_id=account_id, **details)
            raise too_many or InvalidCredentials(UNVERIFIED if self.require_verified else None)
        self._rehash(account, password)
        return account

    def of_session(self, identity: OwnedSession[AccountSnapshot], password: str, client: ClientInfo) -> None:
        """Nothing, or `WrongPassword`. The session is the device that guesses."""
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

    def _closed(self, account: AccountSnapshot, now: datetime) -> str | None:
        """Why nobody can sign in to the account, whatever the password; None if its owner can."""
        if account.disabled_at is not None:
            return "disabled"
        if account.deletes_at is not None and account.deletes_at <= now:
            return "deleted"
        # The answer to an address that is not confirmed is that to a wrong password. Another one would tell a stranger
        # who has just signed up with the address and this password that the address had no account before.
        return "email_not_verified" if self.require_verified and not account.email_verified else None

    def _rehash(self, account: AccountSnapshot, password: str) -> None:
        if account.password_hash and self.passwords.is_outdated(account.password_hash):
            stronger = self.passwords.hash(password)
            with self.work as work:
                self.accounts.rehash(account.id, account.password_hash, stronger)
                work.commit()


def _details(right: bool) -> dict[str, str]:
    # A right password that came after too many wrong ones is written down as well, else its 429 would be the faster.
    return {"reason": "rate_limited"} if right else {}
