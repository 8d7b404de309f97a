"""Step: turn a pending emailed sign-in into a session."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import ServiceError
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore, EmailTaken
from app.domain.email_sign_ins.store import EmailSignInStore, PendingSignIn
from app.domain.sessions.model import EMAILED
from app.flows.steps.complete_sign_in import CompleteSignIn
from app.flows.steps.issue_tokens import Tokens
from app.flows.steps.open_account import NewCredential, OpenAccount
from app.flows.steps.prove_mailbox import ProveMailbox
from app.flows.steps.require_second_factor import SecondFactorRequired
from app.flows.steps.sign_in_block import SignInBlock


@dataclass(frozen=True, slots=True)
class CompleteEmailSignIn:
    """Signs in the owner of the mailbox, or opens an account for them."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    email_sign_ins: EmailSignInStore
    sign_in_block: SignInBlock
    prove_mailbox: ProveMailbox
    complete_sign_in: CompleteSignIn
    open_account: OpenAccount

    def __call__(self, pending: PendingSignIn, client: ClientInfo, failure: type[ServiceError]) -> Tokens:
        """The tokens of a new session. Of parallel calls exactly one succeeds; the others raise `failure`.

        It also raises `failure` if the credentials of the account have changed since the email was sent. Raises
        `SecondFactorRequired`, with which the link and code are used up too, and `SignUpClosed`.
        """
        account = self.accounts.by_email(pending.mailbox)
        if account is None:
            try:
                return self._open(pending, client, failure)
            except EmailTaken:  # opened meanwhile, perhaps by somebody else: then the owner of the mailbox claims it
                account = self.accounts.by_email(pending.mailbox)
        current = account and self._usable(pending, account, client)
        if current is None:
            raise failure
        try:
            return self.complete_sign_in(
                current, EMAILED, client, superseded=failure, use=lambda: self._use(pending, failure)
            )
        except SecondFactorRequired:
            with self.work as work:
                self._use(pending, failure)
                work.commit()
            raise

    def _usable(self, pending: PendingSignIn, account: AccountSnapshot, client: ClientInfo) -> AccountSnapshot | None:
        sent_for = pending.credentials_version
        if sent_for is not None and sent_for != account.credentials_version:
            return None
        proved = self.prove_mailbox(account, client) if account.disabled_at is None else None
        return None if proved is None or self.sign_in_block(proved, self.clock.now()) else proved

    def _open(self, pending: PendingSignIn, client: ClientInfo, failure: type[ServiceError]) -> Tokens:
        if not pending.may_open_account:
            raise failure
        new = NewCredential(EMAILED, store=lambda _: self._use(pending, failure))
        return self.open_account.verified(parse_address(pending.mailbox), new, client)

    def _use(self, pending: PendingSignIn, failure: type[ServiceError]) -> None:
        if not self.email_sign_ins.use(pending):
            raise failure
