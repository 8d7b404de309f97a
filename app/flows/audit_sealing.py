"""Audit: bind the events that were written to a chain, and check it."""

import random
import threading
from dataclasses import dataclass
from functools import partial

from app.core.background import BackgroundTask, Context, run_periodically
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.chain_head import ChainHeadStore
from app.domain.audit.seal import BATCH, Sealer
from app.domain.audit.verify import Verified, Verifier

NAME = "audit sealing"


@dataclass(frozen=True, slots=True)
class AuditSealing:
    """Seals and verifies the journal. Any number of processes may seal: of two who do at once one goes on."""

    work: UnitOfWork
    chain_heads: ChainHeadStore
    sealer: Sealer
    verifier: Verifier

    def seal(self) -> int:
        """Seal every event that waits; how many this call did. `ChainBroken` rather than to go on from a false end."""
        sealed = 0
        while batch := self._seal_batch():
            sealed += batch
        return sealed

    def verify(self, expected: tuple[int, str] | None = None) -> Verified:
        """The whole chain, or `ChainBroken` naming the first row that was changed, dropped or moved."""
        return self.verifier(expected)

    def run(self, stop: threading.Event, context: Context, poll_seconds: float = 1.0) -> None:
        """Seal until told to stop, through outages of the database."""
        run_periodically(
            NAME, self._round, stop=stop, poll_seconds=poll_seconds, context=context, jitter=random.SystemRandom()
        )

    def start(self, context: Context) -> BackgroundTask:
        """Run in a thread, each round within `context()`. `stop()` on what this gives back ends it."""
        task = BackgroundTask(NAME, partial(self.run, context=context))
        task.start()
        return task

    def _round(self, _stop: threading.Event) -> int:
        # Only a full batch is followed by the next at once: sealing each event by itself would cost writers more.
        return int(self._seal_batch() == BATCH)

    def _seal_batch(self) -> int:
        if not self.sealer.has_work():
            return 0
        head = self.chain_heads.read_trusted()
        with self.work as work:
            sealed = self.sealer.seal(head)
            if sealed:
                work.commit()
        return sealed
