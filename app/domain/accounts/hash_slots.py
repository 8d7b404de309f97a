"""Room for hashing: how many passwords may be hashed at once, and how many may wait for that.

A hash costs a quarter of a second of one core by design, so a flood of sign-ins would starve everything else. It runs
in a few threads of low priority; what does not fit into a short queue is told to come back.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from app.core.errors import Unavailable

LOW_PRIORITY: Final = 15
WAIT_SECONDS: Final = 0.5
Result = TypeVar("Result")


class HashSlotsFull(Unavailable):
    """More passwords are being checked than this machine can take on."""

    code = "too_many_sign_ins"
    detail = "Too many people are signing in at this moment. Try again in a few seconds."


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How many hashes run now, and how many wait."""

    in_use: int
    waiting: int


class HashSlots:
    """Runs costly work in `slots` threads; at most `queue` more may wait for one. Raises `HashSlotsFull` beyond.

    `room` callers wait up to `PATIENCE` seconds for a place in the queue before they are told so. Clients that come
    back at once, as attackers do, would otherwise take every turn of the server with refusals, however cheap those are.
    """

    def __init__(self, slots: int, queue: int, room: int = 0, on_rejected: Callable[[], None] = lambda: None) -> None:
        self._pool = ThreadPoolExecutor(slots, "hash", initializer=_lower_priority)
        self._slots, self._places, self._room = slots, slots + queue, room
        self._taken = self._outside = 0
        self._on_rejected = on_rejected
        self._freed = threading.Condition()

    def run(self, work: Callable[[], Result]) -> Result:
        """The result of `work`, or its exception, once a slot was free."""
        with self._acquire():
            return self._pool.submit(work).result()

    def occupancy(self) -> Occupancy:
        """How full it is at this moment."""
        with self._freed:
            in_use = min(self._taken, self._slots)
            return Occupancy(in_use, self._taken - in_use)

    @contextmanager
    def _acquire(self) -> Iterator[None]:
        with self._freed:
            if self._taken == self._places and not self._wait_for_room():
                self._on_rejected()
                raise HashSlotsFull(retry_after=2)
            self._taken += 1
        try:
            yield
        finally:
            with self._freed:
                self._taken -= 1
                self._freed.notify()

    def _wait_for_room(self) -> bool:
        if self._outside == self._room:
            return False
        self._outside += 1
        try:
            return self._freed.wait_for(lambda: self._taken < self._places, WAIT_SECONDS)
        finally:
            self._outside -= 1


def _lower_priority() -> None:
    with suppress(AttributeError, OSError):  # Linux gives a priority to a thread; elsewhere they stay equal
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
