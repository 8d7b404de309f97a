"""Figures: plain numbers about how the service is doing, for whoever draws them."""

import threading
import time
from dataclasses import dataclass
from typing import Final

from app.core.clock import Clock
from app.core.errors import Unavailable
from app.core.event_counter import EventCounter
from app.domain.accounts.hash_slots import HashSlots, Occupancy
from app.domain.accounts.model import AccountSnapshot
from app.domain.mail.listing import QueueDepth
from app.domain.mail.outbox import Outbox
from app.domain.sessions.store import SessionStore

REMEMBERED_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class ProcessStats:
    """What this process alone knows; costs nothing to read."""

    hash_slots: Occupancy
    audit_events: dict[str, int]


@dataclass(frozen=True, slots=True)
class DatabaseStats:
    """What all processes have in common, as of a few seconds ago."""

    outbox: QueueDepth
    sessions: int


class Stats:
    """Reads the figures. Those of the database are remembered for a while, so that asking often costs it nothing."""

    def __init__(
        self,
        clock: Clock,
        hash_slots: HashSlots,
        counter: EventCounter,
        outbox: Outbox,
        sessions: SessionStore[AccountSnapshot],
    ) -> None:
        self._clock, self._hash_slots, self._recorded = clock, hash_slots, counter
        self._outbox, self._sessions = outbox, sessions
        self._read: DatabaseStats | None = None
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def process(self) -> ProcessStats:
        """The figures of this process."""
        return ProcessStats(self._hash_slots.occupancy(), self._recorded.counts())

    def database(self) -> DatabaseStats | None:
        """The figures that all share; None while the database is away."""
        with self._reading:
            if time.monotonic() - self._read_at > REMEMBERED_SECONDS:
                self._read, self._read_at = self._ask(), time.monotonic()
            return self._read

    def _ask(self) -> DatabaseStats | None:
        now = self._clock.now()
        try:
            return DatabaseStats(self._outbox.depth(now), self._sessions.count_alive(now))
        except Unavailable:
            return None
