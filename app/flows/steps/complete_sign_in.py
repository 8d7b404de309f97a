"""Step: turn a proof into a session and its tokens. Every sign-in to an account that exists ends here."""

from collections.abc import Callable
from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import ServiceError
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.model import Proof
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.open_session import OpenSession
from app.flows.steps.require_second_factor import SecondFactorRequired


@dataclass(frozen=True, slots=True)
class CompleteSignIn:
    """Opens the session and mints its tokens in one transaction."""

    work: UnitOfWork
    clock: Clock
    open_session: OpenSession
    issue_tokens: IssueTokens
    journal: Journal

    def __call__(
        self,
        account: AccountSnapshot,
        proof: Proof,
        client: ClientInfo,
        *,
        superseded: type[ServiceError],
        use: Callable[[], None] | None = None,
    ) -> Tokens:
        """The tokens of a new session.

        `use` runs in the same transaction, after the account's row was locked: it uses up a code, or raises.
        `superseded` is raised if the account changed meanwhile in a way that ends its sessions. Raises
        `SecondFactorRequired`.
        """
        now = self.clock.now()
        try:
            with self.work as work:
                session = self.open_session(account, proof, client, now)
                if session is None:
                    self.journal.record(EventType.LOGIN_FAILED, client, now, account_id=account.id, reason="superseded")
                    work.commit()
                    raise superseded
                if use is not None:
                    use()
                tokens = self.issue_tokens(account, session)
                work.commit()
        except SecondFactorRequired:
            self.journal.record_now(EventType.SECOND_FACTOR_REQUIRED, client, now, account_id=account.id)
            raise
        return tokens
