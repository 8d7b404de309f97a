"""Activity: what happened to an account, shown to its owner."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from app.core.pagination import Page, paginate_by_id
from app.domain.audit.journal import Journal
from app.domain.audit.model import AuditRecord
from app.domain.sessions.devices import device_name
from app.flows.steps.identity import Identity


@dataclass(frozen=True, slots=True)
class ActivityEvent:
    """One event as the account's owner sees it."""

    at: datetime
    event: str
    result: str
    ip: str | None
    device: str
    current: bool
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Activity:
    """Shows the events of one account."""

    journal: Journal

    def page(self, identity: Identity, limit: int, after: str | None = None) -> Page[ActivityEvent]:
        """The account's newest `limit` events behind the cursor `after`, or `InvalidCursor`. One statement."""
        found = paginate_by_id(partial(self.journal.newest, identity.owner.id), after, limit)
        return Page([_own(entry, identity.session.id) for entry in found.items], found.next)


def _own(entry: AuditRecord, session_id: str) -> ActivityEvent:
    current = entry.session_id is not None and entry.session_id == session_id
    device = device_name(entry.user_agent)
    return ActivityEvent(entry.at, entry.event, entry.result, entry.ip, device, current, entry.details)
