"""The head of the chain: one row that every seal and every purge updates, so that one of several wins."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import sqlalchemy as sa

from app.core.database import execute, execute_one, fetch_all, fetch_one, table_of
from app.core.errors import Conflict
from app.domain.audit.chain import Chain, ChainHead
from app.domain.audit.model import RECORD_COLUMNS, AuditEvent, AuditHead, AuditRecord

ONLY: Final = 1  # the id of the one row

_events, _heads = table_of(AuditEvent), table_of(AuditHead)
_select_head = sa.select(
    _heads.c.position, _heads.c.entry_hash, _heads.c.purged_position, _heads.c.purged_hash, _heads.c.signature
)
# Two subqueries, because SQLite reads the whole index for both in one.
_sealed_range = sa.select(
    sa.select(sa.func.min(_events.c.position)).scalar_subquery(),
    sa.select(sa.func.max(_events.c.position)).scalar_subquery(),
)
_unsealed = sa.select(sa.func.count()).where(_events.c.position.is_(None)).select_from(_events)
_sealed_between = (
    sa.select(*RECORD_COLUMNS)
    .where(_events.c.position > sa.bindparam("after"), _events.c.position <= sa.bindparam("last"))
    .order_by(_events.c.position)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)


class ChainBroken(Conflict):
    """The audit log was changed. Sealing and purging stop, so that the evidence stays."""

    code = "audit_chain_broken"


@dataclass(frozen=True, slots=True)
class ChainHeadStore:
    """Reads the head and the sealed events, and updates the head."""

    chain: Chain

    def read(self) -> ChainHead | None:
        """The stored head without checking its signature; None if there is none."""
        row = fetch_one(_select_head, {})
        return ChainHead(*row) if row else None

    def read_trusted(self) -> ChainHead:
        """The head, created for the first seal. Raises `ChainBroken` if it is missing or its signature is wrong."""
        head = self.read()
        if head is None:
            head = self._create()
        if not self.chain.is_signed(head):
            raise ChainBroken(
                "The head of the audit chain was changed, or KEY_ENCRYPTION_SECRET_FALLBACKS lacks its secret."
            )
        return head

    def move(self, old: ChainHead, new: ChainHead) -> bool:
        """Replace the head; False if it has changed since `old`. Within a unit of work: one of two sealers wins."""
        unchanged = sa.and_(_heads.c.id == ONLY, _heads.c.signature == old.signature)
        update = sa.update(_heads).where(unchanged).values(asdict(self.chain.sign(new)))
        return execute_one(update)

    def sealed(self, after: int, last: int, most: int) -> list[AuditRecord]:
        """The sealed events at positions after `after` up to `last`, at most `most` of them, by position."""
        return [AuditRecord(*row) for row in fetch_all(_sealed_between, {"after": after, "last": last, "most": most})]

    def check_ends(self) -> Sequence[int | None]:
        """The smallest and the largest position of a sealed event; None for both if there is none."""
        return fetch_one(_sealed_range, {}) or (None, None)

    def unsealed(self) -> int:
        """How many events are not sealed yet."""
        row = fetch_one(_unsealed, {})
        return row[0] if row else 0

    def _create(self) -> ChainHead:
        if self.check_ends()[1] is not None:
            raise ChainBroken("The head of the audit chain is missing, although events are sealed.")
        head = self.chain.sign(ChainHead())
        try:
            execute(sa.insert(_heads).values(id=ONLY, **asdict(head)), {})
        except sa.exc.IntegrityError:
            pass  # another process inserted the same row first
        return self.read() or head
