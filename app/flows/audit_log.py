"""The audit trail: what happened to whom, for administrators."""

from dataclasses import dataclass

from app.core.pagination import Page, newest_first
from app.domain.audit.journal import Journal
from app.domain.audit.model import Entry


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Pages through the journal."""

    journal: Journal

    def page(self, tag: str | None, account_id: str | None, after: str | None, limit: int) -> Page[Entry]:
        """Events, newest first, of one kind or about one account; `InvalidCursor`."""
        return newest_first(lambda before, most: self.journal.listed(before, most, tag, account_id), after, limit)
