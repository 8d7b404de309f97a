"""The journal: events are written in the transaction of what they tell about, so neither exists without the other."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from app.core.database import db, fetch_all, table_of
from app.core.origin import Origin
from app.domain.audit.model import AuditEvent

EXPORTED: Final = ("at", "tag", "session_id", "ip", "user_agent", "details")
_events = table_of(AuditEvent)


class Tag(StrEnum):
    """Every kind of event, spelled `subject.happening`."""

    ACCOUNT_OPENED = "account.opened"
    ACCOUNT_DELETION_ASKED = "account.deletion_asked"
    ACCOUNT_KEPT = "account.kept"
    ACCOUNT_ERASED = "account.erased"
    ACCOUNT_ALARM = "account.alarm_raised"
    EMAIL_VERIFIED = "email.verified"
    EMAIL_CHANGE_ASKED = "email.change_asked"
    EMAIL_CHANGED = "email.changed"
    EMAIL_CHANGE_UNDONE = "email.change_undone"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "password.reset"  # noqa: S105 - the name of an event
    SESSION_OPENED = "session.opened"
    SESSION_ENDED = "session.ended"
    SESSION_REUSED = "session.token_reused"


class Journal:
    """Writes events down."""

    def record(
        self, tag: Tag, origin: Origin, now: datetime, *, account_id: str | None,
        actor_id: str | None = None, session_id: str | None = None, **details: str | int,
    ) -> None:  # fmt: skip
        """Add an event to the caller's unit of work. Without an actor the account's owner did it."""
        event = AuditEvent(
            at=now, tag=tag.value, account_id=account_id, actor_id=actor_id or account_id, session_id=session_id,
            ip=origin.ip, user_agent=origin.user_agent, details=details,
        )  # fmt: skip
        db.session.add(event)

    def export(self, account_id: str) -> list[dict[str, Any]]:
        """What is kept here about the account."""
        kept = sa.select(*(_events.c[name] for name in EXPORTED)).where(_events.c.account_id == account_id)
        return [dict(zip(EXPORTED, row, strict=True)) for row in fetch_all(kept.order_by(_events.c.id))]

    def anonymise(self, account_id: str) -> None:
        """Keep that something happened, and forget who it was. In a unit of work."""
        nobody: dict[str, Any] = {"ip": None, "user_agent": None, "session_id": None, "details": {}}
        db.session.execute(sa.update(_events).where(_events.c.account_id == account_id).values(nobody))
