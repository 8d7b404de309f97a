"""Signing in with an address and a password, and giving the password once more."""

from dataclasses import dataclass

from app.core.clock import Clock
from app.core.errors import Forbidden
from app.core.origin import Origin
from app.core.work import Work
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.mail.outbox import Outbox
from app.domain.sessions.model import OwnedSession, SessionSnapshot
from app.domain.sessions.store import SessionStore
from app.flows.steps.check_password import CheckPassword, InvalidCredentials
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.known_device import KnownDevice


class EmailNotVerified(Forbidden):
    """The password was right, and the address waits to be confirmed."""

    code = "email_not_verified"
    detail = "Confirm your address first: open the link in the letter that we sent you, or have it sent again."


@dataclass(frozen=True, slots=True)
class SignIn:
    """Turns a right password into a session."""

    work: Work
    clock: Clock
    accounts: AccountStore
    check_password: CheckPassword
    known_device: KnownDevice
    sessions: SessionStore[AccountSnapshot]
    issue_tokens: IssueTokens
    outbox: Outbox
    journal: Journal
    require_verified: bool

    def with_password(self, email: str, password: str, origin: Origin) -> Tokens:
        """Tokens of a new session, or `InvalidCredentials` after the same work for a known and an unknown address."""
        account, now = self.check_password.of_address(email, password, origin), self.clock.now()
        if self.require_verified and not account.email_verified:
            self._note_refusal(account, origin, "email_not_verified")
            raise EmailNotVerified
        with self.work as work:
            session = self.sessions.open(account.id, account.credentials_version, origin, now)
            if session is None:  # the password was reset, or the account disabled, while we were hashing
                self.journal.record(Tag.SESSION_REFUSED, origin, now, account_id=account.id, reason="overtaken")
                work.commit()
                raise InvalidCredentials
            if account.deletes_at and self.accounts.keep(account.id, now):
                self.journal.record(Tag.ACCOUNT_KEPT, origin, now, account_id=account.id)
            self.journal.record(Tag.SESSION_OPENED, origin, now, account_id=account.id, session_id=session.id)
            if self.sessions.is_new_device(session):
                self.outbox.queue(
                    "new_device", now=now, address=account.email, account_id=account.id, locale=origin.language,
                    ip=origin.ip, user_agent=origin.user_agent,
                )  # fmt: skip
            work.commit()
        return self.issue_tokens(account, session)

    def for_one_request(self, email: str, password: str, origin: Origin) -> OwnedSession[AccountSnapshot]:
        """The account behind a right password, in a session that is kept nowhere and over with the request."""
        account, now = self.check_password.of_address(email, password, origin), self.clock.now()
        if account.deletes_at:
            self._note_refusal(account, origin, "deletion_asked")
            raise InvalidCredentials
        if self.require_verified and not account.email_verified:
            self._note_refusal(account, origin, "email_not_verified")
            raise EmailNotVerified
        session = SessionSnapshot(
            "", account.id, 0, now, now, now, now, None, origin.ip, origin.user_agent, now, None, read_at=now
        )
        return OwnedSession(session, account)

    def again(self, identity: OwnedSession[AccountSnapshot], password: str, origin: Origin) -> None:
        """Make the session fresh by its password, or `WrongPassword`."""
        self.check_password.of_session(identity, password, origin)
        account_id, session_id, now = identity.owner.id, identity.session.id or None, self.clock.now()
        with self.work as work:
            self.sessions.authenticate(identity.session.id, now)
            self.journal.record(Tag.SESSION_REAUTHENTICATED, origin, now, account_id=account_id, session_id=session_id)
            work.commit()

    def device_mark(self, account_id: str) -> str:
        """What a browser keeps for a year, so that guesses of strangers never keep its owner from signing in."""
        return self.known_device.mark(account_id)

    def _note_refusal(self, account: AccountSnapshot, origin: Origin, reason: str) -> None:
        self.journal.record_now(
            Tag.SESSION_REFUSED, origin, self.clock.now(), account_id=account.id, reason=reason
        )  # fmt: skip
