"""Writes events in the transaction of the change that they record, so neither exists without the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from prometheus_client import Counter

from app.core.client_info import ClientInfo
from app.core.data_subject import DataSubject
from app.core.database import db, execute, fetch_all, fetch_one, table_of
from app.core.searching import search
from app.domain.audit.chain import Chain
from app.domain.audit.event_types import EventType, present_word, stored_words
from app.domain.audit.model import RECORD_COLUMNS, AuditEvent, AuditRecord

__all__ = ["OPERATOR", "EventType", "Journal"]

OPERATOR: Final = "operator"  # the actor of events caused by a command
EXPORTED: Final = ("at", "event", "result", "session_id", "ip", "user_agent", "details")
ERASED: Final = ("account_id", "actor_id", "session_id", "ip", "user_agent", "salt")

_events = table_of(AuditEvent)
_insert = sa.insert(_events)
_of_account = _events.c.account_id == sa.bindparam("account_id")
_newest = (
    sa.select(*RECORD_COLUMNS)
    .where(_of_account, _events.c.id < sa.bindparam("before"))
    .order_by(_events.c.id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_latest_id = sa.select(sa.func.max(_events.c.id))
_recent = sa.select(_events.c.at, _events.c.event).where(_events.c.id > sa.bindparam("after"))
_export = sa.select(*(_events.c[name] for name in EXPORTED)).where(_of_account).order_by(_events.c.id)
_to_erase = (
    sa.select(_events.c.id, _events.c.position, _events.c.commitment)
    .where(_of_account)
    .order_by(_events.c.id)
    .with_for_update()
)
_erase = (
    sa.update(_events)
    .where(_events.c.id == sa.bindparam("row_id"))
    .values(dict.fromkeys(ERASED) | {"details": {}, "erasure": sa.bindparam("erasure")})
)


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes and reads events, and counts those of this process by event type."""

    chain: Chain
    counter: Counter

    def record(
        self,
        event_type: EventType,
        client: ClientInfo,
        now: datetime,
        *,
        account_id: str | None,
        actor_id: str | None = None,
        session_id: str | None = None,
        **details: str | int,
    ) -> None:
        """Add an event within a unit of work. The actor is the owner of the account if `actor_id` is None."""
        db.session.add(AuditEvent(**_row(event_type, client, now, account_id, actor_id, session_id, details)))
        self.counter.labels(event_type.value).inc()

    def record_now(
        self,
        event_type: EventType,
        client: ClientInfo,
        now: datetime,
        *,
        account_id: str | None,
        session_id: str | None = None,
        **details: str | int,
    ) -> None:
        """Write an event by one statement that commits itself, before the error that it records is raised."""
        execute(_insert, _row(event_type, client, now, account_id, None, session_id, details))
        self.counter.labels(event_type.value).inc()

    def newest(self, account_id: str, before: int, most: int) -> list[AuditRecord]:
        """The account's newest events with an id below `before`, newest first."""
        rows = fetch_all(_newest, {"account_id": account_id, "before": before, "most": most})
        return [_to_record(row) for row in rows]

    def recent(self, most: int) -> list[tuple[datetime, str]]:
        """When the newest events happened, and their types; at most `most`, in any order."""
        latest = fetch_one(_latest_id, {})
        if latest is None or latest[0] is None:
            return []
        rows = fetch_all(_recent, {"after": latest[0] - most})
        return [(row[0], str(present_word(row[1]))) for row in rows]

    def search(self, before: int, most: int, event_type: str | None, account_id: str | None) -> list[AuditRecord]:
        """The newest events with an id below `before`, newest first, of an event type and account if given.

        Raises `SearchTooBroad`.
        """
        found = sa.select(*RECORD_COLUMNS).where(_events.c.id < before)
        if event_type:
            found = found.where(_events.c.event.in_(stored_words(event_type)))
        if account_id:
            found = found.where(_events.c.account_id == account_id)
        run = search if event_type else fetch_all  # without a type, an index finds them
        return [_to_record(row) for row in run(found.order_by(_events.c.id.desc()).limit(most))]

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """The account's events, for the data export."""
        rows = [dict(zip(EXPORTED, row, strict=True)) for row in fetch_all(_export, {"account_id": account.id})]
        return [row | {name: present_word(row[name]) for name in ("event", "result")} for row in rows]

    def anonymise(self, account_id: str) -> None:
        """Remove the personal data from the account's events, and keep the events. Within a unit of work.

        The rows are locked first, so that none is sealed between the SELECT and the UPDATE.
        """
        rows = db.session.execute(_to_erase, {"account_id": account_id}).all()
        if rows:
            db.session.execute(_erase, [self._erased(*row) for row in rows])

    def _erased(self, event: int, position: int | None, commitment: str | None) -> dict[str, Any]:
        if position is None or commitment is None:  # not sealed yet: it will be sealed without the personal data
            return {"row_id": event, "erasure": None}
        return {"row_id": event, "erasure": self.chain.erasure_proof(position, commitment)}


def _to_record(row: Sequence[Any]) -> AuditRecord:
    record = AuditRecord(*row)
    return replace(record, event=present_word(record.event), result=present_word(record.result))


def _row(
    event_type: EventType,
    client: ClientInfo,
    now: datetime,
    account_id: str | None,
    actor_id: str | None,
    session_id: str | None,
    details: dict[str, str | int],
) -> dict[str, Any]:
    return {
        "at": now,
        "event": event_type.value,
        "result": event_type.result,
        "account_id": account_id,
        "actor_id": actor_id or account_id,
        "session_id": session_id,
        "ip": client.ip,
        "user_agent": client.user_agent,
        "details": details,
    }
