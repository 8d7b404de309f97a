"""Sign-up: create an account, and sign its owner in unless the address must be confirmed first."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import Address, parse_address
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore, EmailTaken
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.model import PASSWORD
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.notify import Email, Notify
from app.flows.steps.open_session import OpenSession
from app.flows.steps.require_second_factor import SecondFactorEnrolmentRequired
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail


@dataclass(frozen=True, slots=True)
class Registration:
    """Creates accounts."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    require_unreserved_email: RequireUnreservedEmail
    passwords: Passwords
    open_session: OpenSession
    issue_tokens: IssueTokens
    notify: Notify
    journal: Journal
    require_verified: bool

    def sign_up(self, email: str, password: str, client: ClientInfo) -> Tokens | None:
        """Create an account and sign its owner in.

        Raises `EmailTaken` if the address has an account, however it is spelled. Where addresses must be confirmed
        before the first sign-in, the result is None for a new and for a taken address alike, after the same work; the
        owner of a taken one gets an email. Raises `SecondFactorEnrolmentRequired` for a new account that must have a
        second factor.
        """
        address = parse_address(email)
        self.issue_tokens.require_keys()
        self.passwords.accept(password, address.canonical)
        password_hash = self.passwords.hash(password)
        if not self.require_verified:
            return self._open(address, password_hash, client)
        self._open_unverified(address, password_hash, client)
        return None

    def _open(self, address: Address, password_hash: str, client: ClientInfo) -> Tokens:
        now = self.clock.now()
        with self.work as work:
            account = self.accounts.create(address, password_hash, now, locale=None)
            self.require_unreserved_email(address, account.id, now)
            self.notify(Email.VERIFY_EMAIL, account.email, client, now, account_id=account.id)
            try:
                session = self.open_session(account, PASSWORD, client, now, new_account=True)
            except SecondFactorEnrolmentRequired:  # the account exists, and its first sign-in sets up the factor
                self.journal.record(EventType.ACCOUNT_CREATED, client, now, account_id=account.id)
                work.commit()
                raise
            if session is None:
                raise EmailTaken
            tokens = self.issue_tokens(account, session)
            work.commit()
        return tokens

    def _open_unverified(self, address: Address, password_hash: str, client: ClientInfo) -> None:
        now = self.clock.now()
        try:
            with self.work as work:
                account = self.accounts.create(address, password_hash, now)
                self.require_unreserved_email(address, account.id, now)
                self.notify(Email.VERIFY_EMAIL, account.email, client, now, account_id=account.id)
                self.journal.record(EventType.ACCOUNT_CREATED, client, now, account_id=account.id)
                work.commit()
        except EmailTaken:
            with self.work as work:
                self.notify(Email.ACCOUNT_EXISTS, address.canonical, client, now)
                work.commit()
