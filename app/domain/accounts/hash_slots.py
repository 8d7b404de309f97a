"""Hash slots: how many passwords may be hashed at once, and how many calls may wait for that.

A hash takes a quarter of a second of one core by design, so a flood of sign-ins would leave no CPU time for other
requests. Hashes run in a few threads of low priority; calls that do not fit into a short queue get `HashSlotsFull`.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from app.core.active_requests import active_requests
from app.core.errors import Unavailable

LOW_PRIORITY: Final = 15  # a nice value
WAIT_SECONDS: Final = 0.5
Result = TypeVar("Result")


class HashSlotsFull(Unavailable):
    """All hash slots and all places in the queue are taken."""

    code = "too_many_sign_ins"
    detail = "Too many sign-ins at the moment. Try again in a few seconds."


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How many hashes run now, and how many wait."""

    in_use: int
    waiting: int


class HashSlots:
    """Runs work in `slots` threads, while at most `queue` more calls wait for one.

    When the queue is full, up to `max_blocked` callers wait `WAIT_SECONDS` for a place in it, and all others get
    `HashSlotsFull` at once. Attackers retry at once: without that wait, cheap rejections would keep the server busy.
    """

    def __init__(
        self, slots: int, queue: int, max_blocked: int = 0, on_rejected: Callable[[], None] = lambda: None
    ) -> None:
        self._pool = ThreadPoolExecutor(slots, "hash", initializer=_lower_priority)
        self._slots, self._places, self._max_blocked = slots, slots + queue, max_blocked
        self._taken = self._blocked = 0
        self._on_rejected = on_rejected
        self._freed = threading.Condition()

    def run(self, work: Callable[[], Result]) -> Result:
        """Run `work` once a slot is free; its result or its exception. Raises `HashSlotsFull`."""
        with active_requests.wait(), self._acquire():
            return self._pool.submit(work).result()

    def occupancy(self) -> Occupancy:
        """How many slots and places are taken now."""
        with self._freed:
            in_use = min(self._taken, self._slots)
            return Occupancy(in_use, self._taken - in_use)

    @contextmanager
    def _acquire(self) -> Iterator[None]:
        with self._freed:
            if self._taken == self._places and not self._wait_for_place():
                self._on_rejected()
                raise HashSlotsFull(retry_after=2)
            self._taken += 1
        try:
            yield
        finally:
            with self._freed:
                self._taken -= 1
                self._freed.notify()

    def _wait_for_place(self) -> bool:
        if self._blocked == self._max_blocked:
            return False
        self._blocked += 1
        try:
            return self._freed.wait_for(lambda: self._taken < self._places, WAIT_SECONDS)
        finally:
            self._blocked -= 1


def _lower_priority() -> None:
    with suppress(AttributeError, OSError):  # only Linux has a priority for each thread
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
