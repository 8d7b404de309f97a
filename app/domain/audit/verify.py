"""Verifying: walk the chain, and report the first event that was changed, deleted or moved since it was sealed."""

from dataclasses import dataclass
from typing import Final

from app.core.errors import Invalid
from app.domain.audit.chain import Chain, ChainHead
from app.domain.audit.chain_head import ChainBroken, ChainHeadStore
from app.domain.audit.model import AuditRecord

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Verified:
    """An intact chain from position `first` to `last`, whose hash is `entry_hash`; `unsealed` events are not in it."""

    first: int
    last: int
    entry_hash: str
    unsealed: int

    @property
    def count(self) -> int:
        """How many events were verified."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies the audit log against its chain."""

    chain: Chain
    chain_heads: ChainHeadStore

    def __call__(self, expected: tuple[int, str] | None = None) -> Verified:
        """Verify the whole chain. Raises `ChainBroken`, which names the first fault.

        `expected` is a position and its hash, printed by an earlier run and stored elsewhere. It reveals a chain that
        was rebuilt with the key, and a database restored from an older backup. Raises `Invalid` if
        that position has been purged.
        """
        while True:
            head = self.chain_heads.read_trusted()
            if expected is not None and expected[0] <= head.purged_position:
                raise Invalid(f"Position {expected[0]} has been purged. Use a newer one.")
            try:
                self._walk(head, expected)
            except ChainBroken:
                if self.chain_heads.read_trusted().purged_position != head.purged_position:
                    continue  # a purge ran during the walk: start again where the chain now starts
                raise
            self._check_unsealed(head)
            return Verified(head.purged_position + 1, head.position, head.entry_hash, self.chain_heads.unsealed())

    def _walk(self, head: ChainHead, expected: tuple[int, str] | None) -> None:
        position, entry_hash, row = head.purged_position, head.purged_hash, 0
        while position < head.position:
            entries = self._read(position, head.position)
            for entry in entries:
                if entry.position != position + 1:
                    break
                if not self.chain.is_valid(entry_hash, position + 1, entry):
                    raise ChainBroken(f"Row {entry.id}, position {position + 1}, was changed or moved.")
                position, entry_hash, row = position + 1, entry.entry_hash or "", entry.id
                _check_expected(position, entry_hash, expected)
            if not entries or entries[-1].position != position:
                after = f"the row after row {row}" if row else "the first row"
                raise ChainBroken(f"Position {position + 1} is missing: {after} was deleted.")
        if expected is not None and expected[0] > position:
            raise ChainBroken(f"Position {position + 1} is missing: the chain was longer when its end was printed.")

    def _read(self, after: int, last: int, most: int = BATCH) -> list[AuditRecord]:
        try:
            return self.chain_heads.sealed(after, last, most)
        except ValueError:  # not a valid date or JSON: read one by one, to name the row
            if most == 1:
                raise ChainBroken(f"Position {after + 1} was changed: it cannot be read.") from None
            return self._read(after, last, 1)

    def _check_unsealed(self, head: ChainHead) -> None:
        first, last = self.chain_heads.check_ends()
        now = self.chain_heads.read_trusted()  # read after the ends, so it includes what was sealed meanwhile
        if first is not None and first <= head.purged_position:
            raise ChainBroken(f"Position {first} was inserted: everything up to {head.purged_position} is purged.")
        if last is not None and last > now.position:
            raise ChainBroken(f"Position {last} was inserted: the chain ends at {now.position}.")


def _check_expected(position: int, entry_hash: str, expected: tuple[int, str] | None) -> None:
    if expected is not None and expected[0] == position and expected[1] != entry_hash:
        raise ChainBroken(f"Position {position} has another hash than expected.")
