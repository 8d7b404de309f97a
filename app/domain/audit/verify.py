"""Verifying: walk the chain, and name the first event that is not where and what it was when it was sealed."""

from dataclasses import dataclass
from typing import Final

from app.core.errors import Invalid
from app.domain.audit.chain import Chain, ChainHead
from app.domain.audit.chain_head import ChainBroken, ChainHeadStore
from app.domain.audit.model import AuditRecord

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain that is whole: `first` to `last` are checked, `link` stands for all of it; `unsealed` are not in it."""

    first: int
    last: int
    link: str
    unsealed: int

    @property
    def count(self) -> int:
        """How many events were checked."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks the journal against its chain."""

    chain: Chain
    chain_heads: ChainHeadStore

    def __call__(self, expected: tuple[int, str] | None = None) -> Verified:
        """The whole chain, or `ChainBroken` naming what is wrong first.

        `expected`: a position and its link, noted earlier in another place. They tell of a chain that somebody with
        the key made anew, or of a database that was put back.
        """
        while True:
            head = self.chain_heads.read_trusted()
            if expected is not None and expected[0] <= head.purged_position:
                raise Invalid(f"Position {expected[0]} is purged. Note a newer one.")
            try:
                self._walk(head, expected)
            except ChainBroken:
                if self.chain_heads.read_trusted().purged_position != head.purged_position:
                    continue  # events were purged under our feet, with right: begin where the chain now does
                raise
            self._check_unsealed(head)
            return Verified(head.purged_position + 1, head.position, head.entry_hash, self.chain_heads.unsealed())

    def _walk(self, head: ChainHead, expected: tuple[int, str] | None) -> None:
        position, link, row = head.purged_position, head.purged_hash, 0
        while position < head.position:
            entries = self._read(position, head.position)
            for entry in entries:
                if entry.position != position + 1:
                    break
                if not self.chain.is_valid(link, position + 1, entry):
                    raise ChainBroken(f"Row {entry.id}, position {position + 1}, was changed or moved.")
                position, link, row = position + 1, entry.entry_hash or "", entry.id
                _check_expected(position, link, expected)
            if not entries or entries[-1].position != position:
                after = f"the row after row {row}" if row else "the first row"
                raise ChainBroken(f"Position {position + 1} is gone: {after} was dropped.")
        if expected is not None and expected[0] > position:
            raise ChainBroken(f"Position {position + 1} is gone: the chain was longer when its end was noted.")

    def _read(self, after: int, last: int, most: int = BATCH) -> list[AuditRecord]:
        try:
            return self.chain_heads.sealed(after, last, most)
        except ValueError:  # what stands there is no moment or no JSON: go on one by one, to name the row
            if most == 1:
                raise ChainBroken(f"Position {after + 1} was changed: what stands there cannot be read.") from None
            return self._read(after, last, 1)

    def _check_unsealed(self, head: ChainHead) -> None:
        first, last = self.chain_heads.check_ends()
        now = self.chain_heads.read_trusted()  # read after the ends: what was sealed meanwhile is within it
        if first is not None and first <= head.purged_position:
            raise ChainBroken(f"Position {first} was inserted: everything up to {head.purged_position} is purged.")
        if last is not None and last > now.position:
            raise ChainBroken(f"Position {last} was inserted: the chain ends at {now.position}.")


def _check_expected(position: int, link: str, expected: tuple[int, str] | None) -> None:
    if expected is not None and expected[0] == position and expected[1] != link:
        raise ChainBroken(f"Position {position} has another link than was noted.")
