"""Registration: open an account and sign its owner in."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import Address, parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore, EmailTaken
from app.domain.audit.journal import EventType, Journal
from app.domain.mail.outbox import Outbox
from app.domain.sessions.model import PASSWORD
from app.domain.sessions.store import SessionStore
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail


@dataclass(frozen=True, slots=True)
class Registration:
    """Opens accounts."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    require_unreserved_email: RequireUnreservedEmail
    passwords: Passwords
    sessions: SessionStore[AccountSnapshot]
    issue_tokens: IssueTokens
    outbox: Outbox
    journal: Journal

    def sign_up(self, email: str, password: str, client: ClientInfo) -> Tokens:
        """A new account, signed in. `EmailTaken` if the address has one, however it is spelled."""
        address, password_hash, now = *self._accepted(email, password), self.clock.now()
        with self.work as work:
            account = self.accounts.create(address, password_hash, now, locale=None)
            self.require_unreserved_email(address, account.id, now)
            self.outbox.enqueue(
                "verify_email", now=now, address=account.email, account_id=account.id, locale=client.language
            )
            session = self.sessions.open(account.id, account.credentials_version, PASSWORD, client, now)
            if session is None:
                raise EmailTaken
            self.journal.record(EventType.ACCOUNT_CREATED, client, now, account_id=account.id, session_id=session.id)
            work.commit()
        return self.issue_tokens(account, session)

    def sign_up_unverified(self, email: str, password: str, client: ClientInfo) -> None:
        """A new account that must be verified before it can be used.

        For a taken address the same work is done and nothing is said; its owner gets an email instead.
        """
        address, password_hash, now = *self._accepted(email, password), self.clock.now()
        try:
            with self.work as work:
                account = self.accounts.create(address, password_hash, now)
                self.require_unreserved_email(address, account.id, now)
                self.outbox.enqueue(
                    "verify_email", now=now, address=account.email, account_id=account.id, locale=client.language
                )
                self.journal.record(EventType.ACCOUNT_CREATED, client, now, account_id=account.id)
                work.commit()
        except EmailTaken:
            with self.work as work:
                self.outbox.enqueue("account_exists", now=now, address=address.canonical, locale=client.language)
                work.commit()

    def _accepted(self, email: str, password: str) -> tuple[Address, str]:
        address = parse_address(email)
        self.passwords.accept(password, address.canonical)
        return address, self.passwords.hash(password)
