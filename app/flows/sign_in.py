"""Sign-in with email address and password, and reauthentication."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.model import PASSWORD, OwnedSession, SessionSnapshot
from app.flows.steps.check_password import CheckPassword, InvalidCredentials
from app.flows.steps.identity import AccountSessions, Identity
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.open_session import OpenSession
from app.flows.steps.recognize_device import RecognizeDevice


@dataclass(frozen=True, slots=True)
class SignIn:
    """Turns a right password into a session."""

    work: UnitOfWork
    clock: Clock
    check_password: CheckPassword
    recognize_device: RecognizeDevice
    open_session: OpenSession
    sessions: AccountSessions
    issue_tokens: IssueTokens
    journal: Journal

    def with_password(self, email: str, password: str, client: ClientInfo) -> Tokens:
        """Tokens of a new session, or `InvalidCredentials` after the same work for a known and an unknown address."""
        self.issue_tokens.require_keys()
        account, now = self.check_password.of_address(email, password, client), self.clock.now()
        with self.work as work:
            session = self.open_session(account, PASSWORD, client, now)
            if session is None:  # the password was reset, or the account disabled or deleted, while we were hashing
                self.journal.record(EventType.LOGIN_FAILED, client, now, account_id=account.id, reason="superseded")
                work.commit()
                raise InvalidCredentials
            tokens = self.issue_tokens(account, session)
            work.commit()
        return tokens

    def authenticate_request(self, email: str, password: str, client: ClientInfo) -> Identity:
        """Check the password of one request. Returns the account with a session that is not stored."""
        account, now = self.check_password.of_address(email, password, client), self.clock.now()
        if account.deletes_at:
            self._record_failure(account, client, "deletion_scheduled")
            raise InvalidCredentials
        session = SessionSnapshot(
            "",
            account.id,
            0,
            now,
            now,
            now,
            now,
            None,
            client.ip,
            client.user_agent,
            now,
            None,
            " ".join(PASSWORD.methods),
            PASSWORD.level,
            0,
            read_at=now,
        )
        return OwnedSession(session, account)

    def reauthenticate(self, identity: Identity, password: str, client: ClientInfo) -> None:
        """Record that the session authenticated now. Raises `WrongPassword`."""
        self.check_password.of_session(identity, password, client)
        account_id, session_id, now = identity.owner.id, identity.session.id or None, self.clock.now()
        with self.work as work:
            self.sessions.authenticate(identity.session.id, now)
            self.journal.record(
                EventType.SESSION_REAUTHENTICATED, client, now, account_id=account_id, session_id=session_id
            )
            work.commit()

    def device_token(self, tokens: Tokens) -> str:
        """What a browser keeps for a year, so that guesses of strangers never keep its owner from signing in."""
        return self.recognize_device.device_token(tokens.account_id, tokens.credentials_version)

    def _record_failure(self, account: AccountSnapshot, client: ClientInfo, reason: str) -> None:
        self.journal.record_now(EventType.LOGIN_FAILED, client, self.clock.now(), account_id=account.id, reason=reason)
