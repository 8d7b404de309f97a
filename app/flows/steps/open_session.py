"""Step: open a session. Every way to sign in ends here, and nothing else opens one."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.domain.accounts.invitations import Invitations
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.model import Proof, SessionSnapshot
from app.flows.steps.identity import AccountSessions
from app.flows.steps.notify import Email, Notify
from app.flows.steps.recognize_device import RecognizeDevice
from app.flows.steps.require_second_factor import RequireSecondFactor


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Asks for the second factor, opens sessions, records it, and tells the owner if the device is new."""

    require_second_factor: RequireSecondFactor
    accounts: AccountStore
    invitations: Invitations
    sessions: AccountSessions
    recognize_device: RecognizeDevice
    notify: Notify
    journal: Journal

    def __call__(
        self, account: AccountSnapshot, proof: Proof, client: ClientInfo, now: datetime, *, new_account: bool = False
    ) -> SessionSnapshot | None:
        """The new session; None if the account changed meanwhile in a way that ends its sessions. In a unit of work.

        A deletion that was scheduled when the owner signed in is cancelled. One that is scheduled at the same moment
        wins: the row of the session is written only for an account that is not about to be deleted. An open invitation
        becomes answered; if it is revoked at the same moment, the account is gone and there is no session. Raises
        `SecondFactorRequired`; what it saw of the account's second factor must still be so when the row is written.
        """
        self.require_second_factor(account, proof, client, now)
        if account.deletes_at and self.accounts.cancel_deletion(account.id, now):
            self.journal.record(EventType.ACCOUNT_DELETION_CANCELLED, client, now, account_id=account.id)
        if account.invited_at is not None:
            # Before the shared lock of `open`: parallel sign-ins that first share it, and then write, deadlock.
            self.accounts.get_for_update(account.id)
        session = self.sessions.open(
            account.id, account.credentials_version, account.second_factor_at, proof, client, now
        )
        if session is None:
            return None
        if account.invited_at is not None:
            self.invitations.close(account.id)
        event = EventType.ACCOUNT_CREATED if new_account else EventType.SESSION_OPENED
        self.journal.record(event, client, now, account_id=account.id, session_id=session.id)
        if not new_account and self._is_new_device(account, session, client):
            self.notify(Email.NEW_DEVICE, account.email, client, now, account_id=account.id)
        return session

    def _is_new_device(self, account: AccountSnapshot, session: SessionSnapshot, client: ClientInfo) -> bool:
        # The signed token decides first. Without one, only an earlier sign-in with the same user agent from the same
        # network counts: a common user agent alone is what a stranger has too.
        return not self.recognize_device(account, client) and self.sessions.is_new_device(session)
