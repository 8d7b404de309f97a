"""Keeps the head of the chain: the one row that whoever seals or purges must move, so that one of them wins."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import sqlalchemy as sa

from app.core.database import db, execute, fetch_all, fetch_one, table_of
from app.core.errors import Conflict
from app.domain.audit.chain import Chain, ChainHead
from app.domain.audit.model import RECORD_COLUMNS, AuditEvent, AuditHead, AuditRecord

ONLY: Final = 1  # the id of the one row

_events, _heads = table_of(AuditEvent), table_of(AuditHead)
_head = sa.select(
    _heads.c.position, _heads.c.entry_hash, _heads.c.purged_position, _heads.c.purged_hash, _heads.c.signature
)
_sealed = sa.select(sa.func.min(_events.c.position), sa.func.max(_events.c.position))
_unsealed = sa.select(sa.func.count()).where(_events.c.position.is_(None)).select_from(_events)
_after = (
    sa.select(*RECORD_COLUMNS)
    .where(_events.c.position > sa.bindparam("after"), _events.c.position <= sa.bindparam("last"))
    .order_by(_events.c.position)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)


class ChainBroken(Conflict):
    """The audit journal is not as it was written; what would cover that up is not done."""

    code = "audit_chain_broken"


@dataclass(frozen=True, slots=True)
class ChainHeadStore:
    """Reads the head and what is sealed, and moves the head on."""

    chain: Chain

    def read(self) -> ChainHead | None:
        """The head as it stands, whoever wrote it; None if there is none."""
        row = fetch_one(_head, {})
        return ChainHead(*row) if row else None

    def read_trusted(self) -> ChainHead:
        """The head, begun if nothing was sealed yet; `ChainBroken` if it is gone or not ours."""
        head = self.read()
        if head is None:
            head = self._begin()
        if not self.chain.is_signed(head):
            raise ChainBroken("The head of the audit chain was changed, or its secret is not listed.")
        return head

    def move(self, old: ChainHead, new: ChainHead) -> bool:
        """Replace the head; false if somebody else did. In a unit of work: of two who seal at once one goes on."""
        unmoved = sa.and_(_heads.c.id == ONLY, _heads.c.signature == old.signature)
        moved = db.session.execute(sa.update(_heads).where(unmoved).values(asdict(self.chain.sign(new))))
        return bool(moved.rowcount == 1)  # type: ignore[attr-defined]

    def sealed(self, after: int, last: int, most: int) -> list[AuditRecord]:
        """The first `most` sealed events behind `after`, up to `last`, by position."""
        return [AuditRecord(*row) for row in fetch_all(_after, {"after": after, "last": last, "most": most})]

    def check_ends(self) -> Sequence[int | None]:
        """The smallest and the largest position that an event has."""
        return fetch_one(_sealed, {}) or (None, None)

    def unsealed(self) -> int:
        """How many events wait to be sealed."""
        row = fetch_one(_unsealed, {})
        return row[0] if row else 0

    def _begin(self) -> ChainHead:
        if self.check_ends()[1] is not None:
            raise ChainBroken("The head of the audit chain is gone.")
        head = self.chain.sign(ChainHead())
        try:
            execute(sa.insert(_heads).values(id=ONLY, **asdict(head)), {})
        except sa.exc.IntegrityError:
            pass  # another process was faster with the very same row
        return self.read() or head
