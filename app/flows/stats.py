"""Statistics about the process and the database, for metrics."""

import threading
import time
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry

from app.core.clock import Clock
from app.core.errors import Unavailable
from app.domain.accounts.hash_slots import HashSlots, Occupancy
from app.domain.mail.listing import QueueDepth
from app.domain.mail.outbox import Outbox
from app.flows.steps.identity import AccountSessions

REMEMBERED_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class DatabaseStats:
    """What all processes have in common, as of a few seconds ago."""

    outbox: QueueDepth
    mail_failing: bool
    sessions: int


class Stats:
    """Reads the figures. Those of the database are remembered for a while, so that asking often costs it nothing."""

    def __init__(
        self,
        clock: Clock,
        hash_slots: HashSlots,
        outbox: Outbox,
        sessions: AccountSessions,
        registry: CollectorRegistry,
    ) -> None:
        self._clock, self._hash_slots, self._outbox, self._sessions = clock, hash_slots, outbox, sessions
        self.registry = registry  # the Prometheus counters of this process
        self._read: DatabaseStats | None = None
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def hash_slots(self) -> Occupancy:
        """How many passwords this process is hashing, and how many wait for that."""
        return self._hash_slots.occupancy()

    def database(self) -> DatabaseStats | None:
        """The figures that all share; None while the database is away."""
        with self._reading:
            if time.monotonic() - self._read_at > REMEMBERED_SECONDS:
                self._read, self._read_at = self._ask(), time.monotonic()
            return self._read

    def _ask(self) -> DatabaseStats | None:
        now = self._clock.now()
        try:
            return DatabaseStats(self._outbox.depth(now), self._outbox.is_failing(), self._sessions.count_alive(now))
        except Unavailable:
            return None
