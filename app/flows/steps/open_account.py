"""Step: create an account, and sign its owner in unless the response must be the same for every address."""

from collections.abc import Callable
from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import Address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore, EmailTaken
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.model import Proof
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.notify import Email, Notify
from app.flows.steps.open_session import OpenSession
from app.flows.steps.require_open_sign_up import RequireOpenSignUp
from app.flows.steps.require_second_factor import SecondFactorEnrolmentRequired
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail


@dataclass(frozen=True, slots=True)
class NewCredential:
    """With what the owner will sign in: a password, or what `store` adds to the account that it is given."""

    proof: Proof
    password_hash: str | None = None
    account_id: str | None = None
    store: Callable[[AccountSnapshot], object] | None = None


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Creates the account, its credential and its session in one transaction."""

    work: UnitOfWork
    clock: Clock
    require_open_sign_up: RequireOpenSignUp
    accounts: AccountStore
    require_unreserved_email: RequireUnreservedEmail
    open_session: OpenSession
    issue_tokens: IssueTokens
    notify: Notify
    journal: Journal
    answers_alike: bool

    def __call__(self, address: Address, credential: NewCredential, client: ClientInfo) -> Tokens | None:
        """The tokens of the new account. Raises `SignUpClosed`, `EmailTaken`, `SecondFactorEnrolmentRequired`, or what
        `store` does.

        With `answers_alike` (REQUIRE_VERIFIED_EMAIL or SIGN_UP_ANSWER=generic), the result is None for a new and for a
        taken address alike; the owner of a taken one gets an email.
        """
        self.require_open_sign_up()
        if not self.answers_alike:
            return self._open(address, credential, client)
        self._open_unverified(address, credential, client)
        return None

    def _open(self, address: Address, credential: NewCredential, client: ClientInfo) -> Tokens:
        now = self.clock.now()
        with self.work as work:
            account = self._create(address, credential, client)
            try:
                session = self.open_session(account, credential.proof, client, now, new_account=True)
            except SecondFactorEnrolmentRequired:  # the account exists, and its first sign-in sets up the factor
                self.journal.record(EventType.ACCOUNT_CREATED, client, now, account_id=account.id)
                work.commit()
                raise
            if session is None:
                raise EmailTaken
            tokens = self.issue_tokens(account, session)
            work.commit()
        return tokens

    def _open_unverified(self, address: Address, credential: NewCredential, client: ClientInfo) -> None:
        now = self.clock.now()
        try:
            with self.work as work:
                account = self._create(address, credential, client)
                self.journal.record(EventType.ACCOUNT_CREATED, client, now, account_id=account.id)
                work.commit()
        except EmailTaken:
            with self.work as work:
                self.notify(Email.ACCOUNT_EXISTS, address.canonical, client, now)
                work.commit()

    def _create(self, address: Address, credential: NewCredential, client: ClientInfo) -> AccountSnapshot:
        now = self.clock.now()
        account = self.accounts.create(address, credential.password_hash, now, account_id=credential.account_id)
        self.require_unreserved_email(address, account.id, now)
        if credential.store is not None:
            credential.store(account)
        self.notify(Email.VERIFY_EMAIL, account.email, client, now, account_id=account.id)
        return account
