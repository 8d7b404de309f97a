"""Devices: where an account is signed in, and signing one out from afar."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.devices import DeviceSession, NoSuchSession, to_device_sessions
from app.flows.steps.identity import AccountSessions, Identity


@dataclass(frozen=True, slots=True)
class OwnSessions:
    """Lists the devices of an account and signs them out."""

    work: UnitOfWork
    clock: Clock
    sessions: AccountSessions
    journal: Journal

    def all(self, identity: Identity) -> list[DeviceSession]:
        """Where the account is signed in, the device used last first."""
        return to_device_sessions(self.sessions.alive(identity.owner.id), identity.session.id)

    def revoke(self, identity: Identity, session_id: str, client: ClientInfo) -> None:
        """End one session of the account at once. Raises `NoSuchSession`, also for a session of another account."""
        now = self.clock.now()
        with self.work as work:
            if not self.sessions.end(session_id, identity.owner.id, now):
                raise NoSuchSession
            self.journal.record(
                EventType.SESSION_ENDED,
                client,
                now,
                account_id=identity.owner.id,
                session_id=session_id,
                scope="revoked",
            )
            work.commit()
