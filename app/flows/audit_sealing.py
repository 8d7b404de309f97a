"""Audit: bind the events that were written to a chain, and check it."""

import threading
from dataclasses import dataclass

from app.core.background import POLL_SECONDS, BackgroundTask, Context
from app.core.errors import Unavailable
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.chain_head import ChainHeadStore
from app.domain.audit.seal import BATCH, Sealer
from app.domain.audit.verify import Verified, Verifier

NAME = "audit sealing"
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class AuditSealing:
    """Seals and verifies the journal. Any number of processes may seal: of two who do at once one goes on."""

    work: UnitOfWork
    chain_heads: ChainHeadStore
    sealer: Sealer
    verifier: Verifier

    def seal(self) -> int:
        """Seal all events that are not sealed yet; how many. Raises `ChainBroken`, or `SealingOff`."""
        self.sealer.require_enabled()
        sealed = failures = 0
        while True:
            try:
                batch = self._seal_batch()
            except Unavailable as failure:  # a deadlock with a writer or another sealer rolls the whole batch back
                failures += 1
                if not failure.transient or failures == ATTEMPTS:
                    raise
                continue
            if not batch:
                return sealed
            sealed, failures = sealed + batch, 0

    def verify(self, expected: tuple[int, str] | None = None) -> Verified:
        """Verify the whole chain. Raises `ChainBroken`, which names the first fault, or `SealingOff`."""
        self.sealer.require_enabled()
        return self.verifier(expected)

    def start(self, context: Context, poll_seconds: float = POLL_SECONDS) -> BackgroundTask:
        """Seal in a thread until `stop()` of the task is called."""
        return BackgroundTask(NAME, self._round, context, poll_seconds)

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
