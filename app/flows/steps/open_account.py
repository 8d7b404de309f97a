"""Step: create an account, and sign its owner in unless the response must be the same for every address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
    about: Mapping[str, str | None] = field(default_factory=dict)  # names


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

    @property
    def is_allowed(self) -> bool:
        """Whether a stranger may open an account."""
        return self.require_open_sign_up.is_open

    def verified(self, address: Address, credential: NewCredential, client: ClientInfo) -> Tokens:
        """The tokens of a new account for somebody who has just shown that they receive emails at the address.

        Raises the same errors.
        """
        self.require_open_sign_up()
        return self._open(address, credential, client, verified=True)

    def _open(
        self, address: Address, credential: NewCredential, client: ClientInfo, *, verified: bool = False
    ) -> Tokens:
        now = self.clock.now()
        with self.work as work:
            account = self._create(address, credential, client, verified=verified)
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

    def _create(
        self, address: Address, credential: NewCredential, client: ClientInfo, *, verified: bool = False
    ) -> AccountSnapshot:
        now = self.clock.now()
        about: dict[str, Any] = {**credential.about, **({"email_verified_at": now} if verified else {})}
        account = self.accounts.create(
            address, credential.password_hash, now, account_id=credential.account_id, **about
        )
        self.require_unreserved_email(address, account.id, now)
        if credential.store is not None:
            credential.store(account)
        if not verified:
            self.notify(Email.VERIFY_EMAIL, account.email, client, now, account_id=account.id)
        return account
