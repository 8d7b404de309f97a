"""Signing in with an address and a password, and giving the password once more."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.audit.journal import Journal, Tag
from app.domain.sessions.model import OwnedSession, SessionSnapshot
from app.domain.sessions.store import SessionStore
from app.flows.steps.check_password import CheckPassword, InvalidCredentials
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.open_session import OpenSession
from app.flows.steps.recognize_device import KnownDevice


@dataclass(frozen=True, slots=True)
class SignIn:
    """Turns a right password into a session."""

    work: UnitOfWork
    clock: Clock
    check_password: CheckPassword
    known_device: KnownDevice
    open_session: OpenSession
    sessions: SessionStore[AccountSnapshot]
    issue_tokens: IssueTokens
    journal: Journal

    def with_password(self, email: str, password: str, origin: ClientInfo) -> Tokens:
        """Tokens of a new session, or `InvalidCredentials` after the same work for a known and an unknown address."""
        account, now = self.check_password.of_address(email, password, origin), self.clock.now()
        with self.work as work:
            session = self.open_session(account, origin, now)
            if session is None:  # the password was reset, or the account disabled or deleted, while we were hashing
                self.journal.record(Tag.SESSION_REFUSED, origin, now, account_id=account.id, reason="overtaken")
                work.commit()
                raise InvalidCredentials
            work.commit()
        return self.issue_tokens(account, session)

    def for_one_request(self, email: str, password: str, origin: ClientInfo) -> OwnedSession[AccountSnapshot]:
        """The account behind a right password, in a session that is kept nowhere and over with the request."""
        account, now = self.check_password.of_address(email, password, origin), self.clock.now()
        if account.deletes_at:
            self._note_refusal(account, origin, "deletion_asked")
            raise InvalidCredentials
        session = SessionSnapshot(
            "", account.id, 0, now, now, now, now, None, origin.ip, origin.user_agent, now, None, read_at=now
        )
        return OwnedSession(session, account)

    def again(self, identity: OwnedSession[AccountSnapshot], password: str, origin: ClientInfo) -> None:
        """Make the session fresh by its password, or `WrongPassword`."""
        self.check_password.of_session(identity, password, origin)
        account_id, session_id, now = identity.owner.id, identity.session.id or None, self.clock.now()
        with self.work as work:
            self.sessions.authenticate(identity.session.id, now)
            self.journal.record(Tag.SESSION_REAUTHENTICATED, origin, now, account_id=account_id, session_id=session_id)
            work.commit()

    def device_token(self, tokens: Tokens) -> str:
        """What a browser keeps for a year, so that guesses of strangers never keep its owner from signing in."""
        return self.known_device.device_token(tokens.account_id, tokens.credentials_version)

    def _note_refusal(self, account: AccountSnapshot, origin: ClientInfo, reason: str) -> None:
        self.journal.record_now(Tag.SESSION_REFUSED, origin, self.clock.now(), account_id=account.id, reason=reason)
