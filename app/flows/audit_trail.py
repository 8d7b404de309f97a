"""The audit trail: what happened to whom, for administrators."""

from dataclasses import dataclass

from app.core.pages import LARGEST_ID, Page, cursor_of, place_of
from app.domain.audit.journal import Journal
from app.domain.audit.model import Entry


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Pages through the journal."""

    journal: Journal

    def page(self, tag: str | None, account_id: str | None, after: str | None, limit: int) -> Page[Entry]:
        """Events, newest first, of one kind or about one account; `InvalidCursor`."""
        before = int(place_of(after, int)[0]) if after else LARGEST_ID
        events = self.journal.listed(before, limit + 1, tag, account_id)
        more, events = len(events) > limit, events[:limit]
        return Page(events, cursor_of(events[-1].id) if more else None)
