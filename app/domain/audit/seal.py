"""Sealing and purging: what moves the ends of the chain. Both run apart from those who write events."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core.database import db, fetch_one, table_of
from app.domain.audit.chain import Chain, ChainHead
from app.domain.audit.chain_head import ChainBroken, ChainHeadStore
from app.domain.audit.model import RECORD_COLUMNS, AuditEvent, AuditRecord

BATCH: Final = 100  # a few milliseconds: on SQLite writers wait for so long

_events = table_of(AuditEvent)
_waiting = _events.c.position.is_(None)
_any_waiting = sa.select(sa.literal(1)).where(_waiting).limit(1)
# The rows are held: an erasure waits for the seal, or the seal passes the row by. An event that is written but not yet
# committed is passed by as well; it gets a later position.
_take = sa.select(*RECORD_COLUMNS).where(_waiting).order_by(_events.c.id).limit(BATCH).with_for_update(skip_locked=True)
_seal = (
    sa.update(_events)
    .where(_events.c.id == sa.bindparam("row_id"))
    .values({name: sa.bindparam(name) for name in ("position", "salt", "commitment", "entry_hash")})
)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Gives events their place in the chain, and lets go of those that are old."""

    chain: Chain
    chain_heads: ChainHeadStore

    def has_work(self) -> bool:
        """Whether an event waits. Takes no lock, so asking often costs nobody anything."""
        return fetch_one(_any_waiting, {}) is not None

    def seal(self, head: ChainHead) -> int:
        """Seal one batch behind `head`; how many that were, 0 if somebody else moved the head. In a unit of work."""
        rows = []
        end = head
        for entry in (AuditRecord(*row) for row in db.session.execute(_take)):
            row = self._sealed(entry, end)
            end = replace(end, position=row["position"], entry_hash=row["entry_hash"])
            rows.append(row)
        if not rows or not self.chain_heads.move(head, end):
            return 0
        db.session.execute(_seal, rows)
        return len(rows)

    def purge(self, head: ChainHead, before: datetime) -> int:
        """Delete one batch of sealed events from before a moment, from the chain's beginning on; how many that were.

        `ChainBroken` instead if one is not what was sealed: a purge must not carry evidence away. In a unit of work.
        """
        beginning = head
        for entry in self.chain_heads.sealed(head.purged_position, head.position, BATCH):
            position = beginning.purged_position + 1
            if entry.at >= before:
                break
            if entry.position != position or not self.chain.is_valid(beginning.purged_hash, position, entry):
                raise ChainBroken(f"The audit journal was changed at position {position}: flask audit verify tells.")
            beginning = replace(beginning, purged_position=position, purged_hash=entry.entry_hash or "")
        if beginning == head or not self.chain_heads.move(head, beginning):
            return 0
        db.session.execute(sa.delete(_events).where(_events.c.position <= beginning.purged_position))
        return beginning.purged_position - head.purged_position

    def _sealed(self, entry: AuditRecord, end: ChainHead) -> dict[str, Any]:
        position, salt = end.position + 1, secrets.token_hex(16)
        commitment = self.chain.commitment(entry, salt)
        link = self.chain.entry_hash(end.entry_hash, position, entry, commitment)
        return {"row_id": entry.id, "position": position, "salt": salt, "commitment": commitment, "entry_hash": link}
