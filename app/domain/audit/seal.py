"""Sealing and purging move the two ends of the chain. Neither runs in a request."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core.database import db, execute, fetch_all, fetch_one, table_of
from app.core.errors import Conflict
from app.domain.audit.chain import Chain, ChainHead
from app.domain.audit.chain_head import ChainBroken, ChainHeadStore
from app.domain.audit.model import RECORD_COLUMNS, AuditEvent, AuditRecord

BATCH: Final = 100  # events; takes a few milliseconds, for which other writers wait on SQLite

_events = table_of(AuditEvent)
_unsealed = _events.c.position.is_(None)
_any_unsealed = sa.select(sa.literal(1)).where(_unsealed).limit(1)
# The rows are locked: an erasure waits for the seal, or the seal skips the row. It also skips an event that is written
# but not committed; that one gets a later position.
_next_batch = (
    sa.select(*RECORD_COLUMNS).where(_unsealed).order_by(_events.c.id).limit(BATCH).with_for_update(skip_locked=True)
)
_oldest_unsealed = sa.select(_events.c.id, _events.c.at).where(_unsealed).order_by(_events.c.id).limit(BATCH)
_seal = (
    sa.update(_events)
    .where(_events.c.id == sa.bindparam("row_id"))
    .values({name: sa.bindparam(name) for name in ("position", "salt", "commitment", "entry_hash")})
)


class SealingOff(Conflict):
    """The setting AUDIT_SEALING is off."""

    code = "audit_sealing_off"
    detail = "Audit sealing is off: new events are not bound to the chain. Set AUDIT_SEALING=on to seal and verify."


@dataclass(frozen=True, slots=True)
class Sealer:
    """Binds events to the chain, and deletes old ones. Does not seal unless `enabled`."""

    chain: Chain
    chain_heads: ChainHeadStore
    enabled: bool = True

    def require_enabled(self) -> None:
        """Raises `SealingOff` if sealing is off."""
        if not self.enabled:
            raise SealingOff

    def has_work(self) -> bool:
        """Whether an event is not sealed yet. Takes no lock."""
        return fetch_one(_any_unsealed, {}) is not None

    def seal(self, head: ChainHead) -> int:
        """Seal one batch after `head`; how many events, 0 if the head has changed. Within a unit of work."""
        rows = []
        end = head
        for entry in (AuditRecord(*row) for row in db.session.execute(_next_batch)):
            row = self._sealed(entry, end)
            end = replace(end, position=row["position"], entry_hash=row["entry_hash"])
            rows.append(row)
        if not rows or not self.chain_heads.move(head, end):
            return 0
        db.session.execute(_seal, rows)
        return len(rows)

    def purge(self, head: ChainHead, before: datetime) -> int:
        """Delete one batch of sealed events older than `before`, oldest first; how many. Within a unit of work.

        Raises `ChainBroken` if one of them was changed: a purge must not delete the evidence.
        """
        new_head = head
        for entry in self.chain_heads.sealed(head.purged_position, head.position, BATCH):
            position = new_head.purged_position + 1
            if entry.at >= before:
                break
            if entry.position != position or not self.chain.is_valid(new_head.purged_hash, position, entry):
                raise ChainBroken(f"The audit log was changed at position {position}; run `flask audit verify`.")
            new_head = replace(new_head, purged_position=position, purged_hash=entry.entry_hash or "")
        if new_head == head or not self.chain_heads.move(head, new_head):
            return 0
        db.session.execute(sa.delete(_events).where(_events.c.position <= new_head.purged_position))
        return new_head.purged_position - head.purged_position

    def purge_unsealed(self, before: datetime) -> int:
        """Delete one batch of unsealed events older than `before`, oldest first; how many. For when sealing is off."""
        old = [event_id for event_id, at in fetch_all(_oldest_unsealed) if at < before]
        return execute(sa.delete(_events).where(_events.c.id.in_(old), _unsealed), {}) if old else 0

    def _sealed(self, entry: AuditRecord, end: ChainHead) -> dict[str, Any]:
        position, salt = end.position + 1, secrets.token_hex(16)
        commitment = self.chain.commitment(entry, salt)
        link = self.chain.entry_hash(end.entry_hash, position, entry, commitment)
        return {"row_id": entry.id, "position": position, "salt": salt, "commitment": commitment, "entry_hash": link}
