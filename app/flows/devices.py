"""Devices: where an account is signed in, and signing one out from afar."""

from dataclasses import dataclass
from datetime import datetime

from app.core.clock import Clock
from app.core.errors import Missing
from app.core.origin import Origin
from app.core.work import Work
from app.domain.accounts.model import AccountSnapshot
from app.domain.audit.journal import Journal, Tag
from app.domain.sessions.devices import device_name
from app.domain.sessions.model import OwnedSession
from app.domain.sessions.store import SessionStore


class NoSuchSession(Missing):
    """No live session of this account has that id."""

    code = "session_not_found"
    detail = "None of your sessions has this id, or it has ended."


@dataclass(frozen=True, slots=True)
class Device:
    """A session as its owner sees it. `last_used_at` is exact to the life of one access token."""

    id: str
    name: str
    ip: str | None
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class Devices:
    """Lists the devices of an account and signs them out."""

    work: Work
    clock: Clock
    sessions: SessionStore[AccountSnapshot]
    journal: Journal

    def all(self, identity: OwnedSession[AccountSnapshot]) -> list[Device]:
        """Where the account is signed in, the device used last first."""
        return [
            Device(
                session.id, device_name(session.user_agent), session.ip, session.user_agent, session.created_at,
                session.rotated_at, current=session.id == identity.session.id,
            )
            for session in self.sessions.alive(identity.owner.id)
        ]  # fmt: skip

    def revoke(self, identity: OwnedSession[AccountSnapshot], session_id: str, origin: Origin) -> None:
        """Sign one device out at once, or `NoSuchSession`; another account's session is no such session."""
        now = self.clock.now()
        with self.work as work:
            if not self.sessions.end(session_id, identity.owner.id, now):
                raise NoSuchSession
            self.journal.record(
                Tag.SESSION_ENDED, origin, now, account_id=identity.owner.id, session_id=session_id, scope="revoked"
            )
            work.commit()
