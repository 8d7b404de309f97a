"""The journal: events are written in the transaction of what they tell about, so neither exists without the other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core.client_info import ClientInfo
from app.core.data_subject import DataSubject
from app.core.database import change, db, fetch_all, table_of
from app.core.event_counter import Tally
from app.domain.audit.chain import Chain
from app.domain.audit.event_types import Tag
from app.domain.audit.model import ENTRY_COLUMNS, AuditEvent, Entry

__all__ = ["OPERATOR", "Journal", "Tag"]

OPERATOR: Final = "operator"  # the actor of what is done by a command
EXPORTED: Final = ("at", "tag", "result", "session_id", "ip", "user_agent", "details")
ERASED: Final = ("account_id", "actor_id", "session_id", "ip", "user_agent", "salt")

_events = table_of(AuditEvent)
_insert = sa.insert(_events)
_of_account = _events.c.account_id == sa.bindparam("account_id")
_newest = (
    sa.select(*ENTRY_COLUMNS)
    .where(_of_account, _events.c.id < sa.bindparam("before"))
    .order_by(_events.c.id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_kept = sa.select(*(_events.c[name] for name in EXPORTED)).where(_of_account).order_by(_events.c.id)
_to_erase = (
    sa.select(_events.c.id, _events.c.position, _events.c.commitment)
    .where(_of_account)
    .order_by(_events.c.id)
    .with_for_update()
)
_erase = (
    sa.update(_events)
    .where(_events.c.id == sa.bindparam("event"))
    .values(dict.fromkeys(ERASED) | {"details": {}, "erasure": sa.bindparam("erasure")})
)


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes events down, counts those of this process by tag, and shows their owners what was."""

    chain: Chain
    recorded: Tally

    def record(
        self,
        tag: Tag,
        origin: ClientInfo,
        now: datetime,
        *,
        account_id: str | None,
        actor_id: str | None = None,
        session_id: str | None = None,
        **details: str | int,
    ) -> None:
        """Add an event to the caller's unit of work. Without an actor the account's owner did it."""
        db.session.add(AuditEvent(**_row(tag, origin, now, account_id, actor_id, session_id, details)))
        self.recorded.add(tag.value)

    def record_now(
        self,
        tag: Tag,
        origin: ClientInfo,
        now: datetime,
        *,
        account_id: str | None,
        session_id: str | None = None,
        **details: str | int,
    ) -> None:
        """Write an event by one statement that commits itself, before the refusal that it tells about is raised."""
        change(_insert, _row(tag, origin, now, account_id, None, session_id, details))
        self.recorded.add(tag.value)

    def newest(self, account_id: str, before: int, most: int) -> list[Entry]:
        """The account's newest events with an id below `before`, newest first."""
        rows = fetch_all(_newest, {"account_id": account_id, "before": before, "most": most})
        return [Entry(*row) for row in rows]

    def listed(self, before: int, most: int, tag: str | None, account_id: str | None) -> list[Entry]:
        """The newest events with an id below `before`, of everybody or about one account, of one kind or of all."""
        found = sa.select(*ENTRY_COLUMNS).where(_events.c.id < before)
        if tag:
            found = found.where(_events.c.tag == tag)
        if account_id:
            found = found.where(_events.c.account_id == account_id)
        return [Entry(*row) for row in fetch_all(found.order_by(_events.c.id.desc()).limit(most))]

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """What is kept here about the account."""
        return [dict(zip(EXPORTED, row, strict=True)) for row in fetch_all(_kept, {"account_id": account.id})]

    def anonymise(self, account_id: str) -> None:
        """Keep that something happened, and forget who it was. In a unit of work.

        The rows are held first, so that none is sealed between our look and our change.
        """
        mine = db.session.execute(_to_erase, {"account_id": account_id}).all()
        if mine:
            db.session.execute(_erase, [self._erased(*row) for row in mine])

    def _erased(self, event: int, position: int | None, commitment: str | None) -> dict[str, Any]:
        if position is None or commitment is None:  # not sealed yet, and will be as it then is
            return {"event": event, "erasure": None}
        return {"event": event, "erasure": self.chain.erasure(position, commitment)}


def _row(
    tag: Tag,
    origin: ClientInfo,
    now: datetime,
    account_id: str | None,
    actor_id: str | None,
    session_id: str | None,
    details: dict[str, str | int],
) -> dict[str, Any]:
    return {
        "at": now,
        "tag": tag.value,
        "result": tag.result,
        "account_id": account_id,
        "actor_id": actor_id or account_id,
        "session_id": session_id,
        "ip": origin.ip,
        "user_agent": origin.user_agent,
        "details": details,
    }
