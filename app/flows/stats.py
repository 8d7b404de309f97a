"""Figures: plain numbers about how the service is doing, for whoever draws them."""

import threading
import time
from dataclasses import dataclass
from typing import Final

from app.core.clock import Clock
from app.core.errors import Busy
from app.core.event_counter import Tally
from app.domain.accounts.hash_slots import HashSlots, Occupancy
from app.domain.accounts.model import AccountSnapshot
from app.domain.mail.listing import Depth
from app.domain.mail.outbox import Outbox
from app.domain.sessions.store import SessionStore

REMEMBERED_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class OfProcess:
    """What this process alone knows; costs nothing to read."""

    hash_slots: Occupancy
    audit_events: dict[str, int]


@dataclass(frozen=True, slots=True)
class OfDatabase:
    """What all processes have in common, as of a few seconds ago."""

    outbox: Depth
    sessions: int


class Figures:
    """Reads the figures. Those of the database are remembered for a while, so that asking often costs it nothing."""

    def __init__(
        self,
        clock: Clock,
        hash_slots: HashSlots,
        recorded: Tally,
        outbox: Outbox,
        sessions: SessionStore[AccountSnapshot],
    ) -> None:
        self._clock, self._hash_slots, self._recorded = clock, hash_slots, recorded
        self._outbox, self._sessions = outbox, sessions
        self._read: OfDatabase | None = None
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def of_process(self) -> OfProcess:
        """The figures of this process."""
        return OfProcess(self._hash_slots.occupancy(), self._recorded.counts())

    def of_database(self) -> OfDatabase | None:
        """The figures that all share; None while the database is away."""
        with self._reading:
            if time.monotonic() - self._read_at > REMEMBERED_SECONDS:
                self._read, self._read_at = self._ask(), time.monotonic()
            return self._read

    def _ask(self) -> OfDatabase | None:
        now = self._clock.now()
        try:
            return OfDatabase(self._outbox.depth(now), self._sessions.count_alive(now))
        except Busy:
            return None
