"""Step: open a session for a proven owner, and tell the owner if the device is new."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.mail.outbox import Outbox
from app.domain.sessions.model import PASSWORD, SessionSnapshot
from app.domain.sessions.store import SessionStore
from app.flows.steps.recognize_device import RecognizeDevice


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Opens sessions of accounts that exist already."""

    accounts: AccountStore
    sessions: SessionStore[AccountSnapshot]
    recognize_device: RecognizeDevice
    outbox: Outbox
    journal: Journal

    def __call__(self, account: AccountSnapshot, client: ClientInfo, now: datetime) -> SessionSnapshot | None:
        """The new session; None if the account changed meanwhile in a way that ends its sessions. In a unit of work.

        A deletion that was scheduled when the owner signed in is cancelled. One that is scheduled at the same moment
        wins: the row of the session is written only for an account that is not about to be deleted.
        """
        if account.deletes_at and self.accounts.cancel_deletion(account.id, now):
            self.journal.record(EventType.ACCOUNT_DELETION_CANCELLED, client, now, account_id=account.id)
        session = self.sessions.open(account.id, account.credentials_version, PASSWORD, client, now)
        if session is None:
            return None
        self.journal.record(EventType.SESSION_OPENED, client, now, account_id=account.id, session_id=session.id)
        # The signed token decides first. Without one, only an earlier sign-in with the same user agent from the same
        # network speaks for the device: a common user agent alone is what a stranger has too.
        if not self.recognize_device(account, client) and self.sessions.is_new_device(session):
            self.outbox.enqueue(
                "new_device",
                now=now,
                address=account.email,
                account_id=account.id,
                locale=client.language,
                ip=client.ip,
                user_agent=client.user_agent,
            )
        return session
