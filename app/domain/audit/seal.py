"""Sealing and purging: what moves the ends of the chain. Both run apart from those who write events."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core.database import db, fetch, table_of
from app.domain.audit.chain import Chain, Head
from app.domain.audit.chain_head import ChainBroken, HeadStore
from app.domain.audit.model import ENTRY_COLUMNS, AuditEvent, Entry

BATCH: Final = 100  # a few milliseconds: on SQLite writers wait for so long

_events = table_of(AuditEvent)
_waiting = _events.c.position.is_(None)
_any_waiting = sa.select(sa.literal(1)).where(_waiting).limit(1)
# The rows are held: an erasure waits for the seal, or the seal passes the row by. An event that is written but not yet
# committed is passed by as well; it gets a later position.
_take = sa.select(*ENTRY_COLUMNS).where(_waiting).order_by(_events.c.id).limit(BATCH).with_for_update(skip_locked=True)
_seal = (
    sa.update(_events)
    .where(_events.c.id == sa.bindparam("event"))
    .values({name: sa.bindparam(name) for name in ("position", "salt", "commitment", "link")})
)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Gives events their place in the chain, and lets go of those that are old."""

    chain: Chain
    heads: HeadStore

    def has_work(self) -> bool:
        """Whether an event waits. Takes no lock, so asking often costs nobody anything."""
        return fetch(_any_waiting, {}) is not None

    def seal(self, head: Head) -> int:
        """Seal one batch behind `head`; how many that were, 0 if somebody else moved the head. In a unit of work."""
        rows = []
        end = head
        for entry in (Entry(*row) for row in db.session.execute(_take)):
            row = self._sealed(entry, end)
            end = replace(end, position=row["position"], link=row["link"])
            rows.append(row)
        if not rows or not self.heads.move(head, end):
            return 0
        db.session.execute(_seal, rows)
        return len(rows)

    def forget(self, head: Head, before: datetime) -> int:
        """Delete one batch of sealed events from before a moment, from the chain's beginning on; how many that were.

        `ChainBroken` instead if one is not what was sealed: a purge must not carry evidence away. In a unit of work.
        """
        beginning = head
        for entry in self.heads.sealed(head.purged_position, head.position, BATCH):
            position = beginning.purged_position + 1
            if entry.at >= before:
                break
            if entry.position != position or not self.chain.holds(beginning.purged_link, position, entry):
                raise ChainBroken(f"The audit journal was changed at position {position}: flask audit verify tells.")
            beginning = replace(beginning, purged_position=position, purged_link=entry.link or "")
        if beginning == head or not self.heads.move(head, beginning):
            return 0
        db.session.execute(sa.delete(_events).where(_events.c.position <= beginning.purged_position))
        return beginning.purged_position - head.purged_position

    def _sealed(self, entry: Entry, end: Head) -> dict[str, Any]:
        position, salt = end.position + 1, secrets.token_hex(16)
        commitment = self.chain.commitment(entry, salt)
        link = self.chain.link(end.link, position, entry, commitment)
        return {"event": entry.id, "position": position, "salt": salt, "commitment": commitment, "link": link}
