"""Activity: what happened to an account, shown to its owner."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.domain.accounts.model import AccountSnapshot
from app.domain.audit.journal import Journal
from app.domain.audit.model import Entry
from app.domain.sessions.devices import device_name
from app.domain.sessions.model import OwnedSession

NEWEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """One event as the account's owner sees it."""

    at: datetime
    event: str
    result: str
    ip: str | None
    device: str
    current: bool
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """Some events, newest first, and where the older ones begin; `next` is None when there are none."""

    events: list[OwnEvent]
    next: str | None


@dataclass(frozen=True, slots=True)
class Activity:
    """Shows the events of one account."""

    journal: Journal

    def page(self, identity: OwnedSession[AccountSnapshot], limit: int, before: str | None = None) -> ActivityPage:
        """The account's newest `limit` events older than the cursor `before`. One statement."""
        found = self.journal.newest(identity.owner.id, int(before) if before else NEWEST, limit + 1)
        shown = found[:limit]
        events = [_own(entry, identity.session.id) for entry in shown]
        return ActivityPage(events, str(shown[-1].id) if len(found) > limit else None)


def _own(entry: Entry, session_id: str) -> OwnEvent:
    current = entry.session_id is not None and entry.session_id == session_id
    device = device_name(entry.user_agent)
    return OwnEvent(entry.at, entry.tag, entry.result, entry.ip, device, current, entry.details)
