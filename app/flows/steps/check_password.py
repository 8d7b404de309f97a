"""Step: is this the account's password? Every path that takes one asks here."""

from dataclasses import dataclass

from app.core.clock import Clock
from app.core.errors import Forbidden, Unauthenticated
from app.core.origin import Origin
from app.core.work import Work
from app.domain.accounts.emails import parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.limits.guesses import Guesses
from app.domain.sessions.model import OwnedSession
from app.flows.steps.known_device import KnownDevice


class InvalidCredentials(Unauthenticated):
    """Address and password do not belong together; which of them is wrong is not said."""

    code = "invalid_credentials"
    detail = "Address or password is wrong."


class WrongPassword(Forbidden):
    """Somebody signed in gave a password that is not theirs."""

    code = "wrong_password"
    detail = "This is not the password of your account."


class FreshSignInNeeded(Forbidden):
    """The password was last given too long ago for what is asked."""

    code = "fresh_sign_in_required"
    detail = "Give your password again: send it in the body, or to /api/v1/auth/reauthenticate, and repeat."


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """Checks passwords within the limits of guessing, writes down the wrong ones, keeps right ones at today's cost."""

    work: Work
    clock: Clock
    accounts: AccountStore
    passwords: Passwords
    guesses: Guesses
    known_device: KnownDevice
    journal: Journal

    def of_address(self, email: str, password: str, origin: Origin) -> AccountSnapshot:
        """The account, or `InvalidCredentials` after the same work for a known and an unknown address, or `TooMany`.

        That somebody failed is written down for both: the same statement, with an account or without. Every failure
        is, as one left out would answer faster. What they amount to is bounded by the slots for hashing and by the
        journal's retention.
        """
        canonical, now = parse_address(email).canonical, self.clock.now()
        account = self.accounts.by_email(canonical)
        attempt = self.guesses.attempt(canonical, self.known_device(account, origin))
        right = self.passwords.matches(password, account.password_hash if account else None)
        gone = account is not None and account.deletes_at is not None and account.deletes_at <= now
        let_in = account is not None and right and not gone and account.disabled_at is None
        too_many = attempt.settle(right=let_in)
        if account is None or not let_in or too_many:
            account_id, details = account.id if account else None, _details(let_in)
            self.journal.record_now(Tag.SESSION_REFUSED, origin, now, account_id=account_id, **details)
            raise too_many or InvalidCredentials
        self._keep_stronger(account, password)
        return account

    def of_session(self, identity: OwnedSession[AccountSnapshot], password: str, origin: Origin) -> None:
        """Nothing, or `WrongPassword`. The session is the device that guesses."""
        account, session = identity.owner, identity.session
        attempt = self.guesses.attempt(account.email_canonical, session.id)
        right = self.passwords.matches(password, account.password_hash)
        too_many = attempt.settle(right=right)
        if not right or too_many:
            session_id, now = session.id or None, self.clock.now()
            self.journal.record_now(
                Tag.PASSWORD_REFUSED, origin, now, account_id=account.id, session_id=session_id, **_details(right)
            )
            raise too_many or WrongPassword

    def _keep_stronger(self, account: AccountSnapshot, password: str) -> None:
        if self.passwords.is_outdated(account.password_hash):
            stronger = self.passwords.hash(password)
            with self.work as work:
                self.accounts.rehash(account.id, account.password_hash, stronger)
                work.commit()


def _details(right: bool) -> dict[str, str]:
    # A right password that came after too many wrong ones is written down as well, else its 429 would be the faster.
    return {"reason": "rate_limited"} if right else {}
