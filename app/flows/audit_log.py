"""The audit trail: what happened to whom, for administrators."""

from dataclasses import dataclass

from app.core.pagination import Page, paginate_by_id
from app.domain.audit.journal import Journal
from app.domain.audit.model import AuditRecord


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Pages through the journal."""

    journal: Journal

    def page(self, event_type: str | None, account_id: str | None, after: str | None, limit: int) -> Page[AuditRecord]:
        """Events, newest first, of one kind or about one account; `InvalidCursor`."""
        return paginate_by_id(
            lambda before, most: self.journal.search(before, most, event_type, account_id), after, limit
        )
