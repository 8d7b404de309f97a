"""Sign-in with email address and password."""

from dataclasses import dataclass, replace

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.domain.accounts.model import AccountSnapshot
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.model import PASSWORD, OwnedSession, SessionSnapshot
from app.flows.steps.check_password import CheckPassword, InvalidCredentials
from app.flows.steps.complete_sign_in import CompleteSignIn
from app.flows.steps.identity import Identity
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.recognize_device import RecognizeDevice
from app.flows.steps.require_second_factor import RequireSecondFactor


@dataclass(frozen=True, slots=True)
class SignIn:
    """Turns a right password into a session."""

    clock: Clock
    check_password: CheckPassword
    recognize_device: RecognizeDevice
    require_second_factor: RequireSecondFactor
    complete_sign_in: CompleteSignIn
    issue_tokens: IssueTokens
    journal: Journal

    def with_password(self, email: str, password: str, client: ClientInfo) -> Tokens:
        """Tokens of a new session, or `InvalidCredentials` after the same work for a known and an unknown address.

        Raises `SecondFactorRequired` if the password was right and the account needs more.
        """
        self.issue_tokens.require_keys()
        account = self.check_password.of_address(email, password, client)
        # superseded: the password was reset, or the account disabled or deleted, while we were hashing
        return self.complete_sign_in(account, PASSWORD, client, superseded=InvalidCredentials)

    def authenticate_request(self, email: str, password: str, client: ClientInfo) -> Identity:
        """Check the password of one request. Returns the account with a session that is not stored.

        Raises `SecondFactorRequired`: one request cannot have a second step, and no device is trusted here.
        """
        account, now = self.check_password.of_address(email, password, client), self.clock.now()
        if account.deletes_at:
            self._record_failure(account, client, "deletion_scheduled")
            raise InvalidCredentials
        self.require_second_factor(account, PASSWORD, replace(client, trusted_device_token=None), now)
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

    def device_token(self, tokens: Tokens) -> str:
        """What a browser keeps for a year, so that guesses of strangers never keep its owner from signing in."""
        return self.recognize_device.device_token(tokens.account_id, tokens.credentials_version)

    def _record_failure(self, account: AccountSnapshot, client: ClientInfo, reason: str) -> None:
        self.journal.record_now(EventType.LOGIN_FAILED, client, self.clock.now(), account_id=account.id, reason=reason)
