"""Where counts of calls and guesses are kept: in Redis for all processes together, or in the memory of this one."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from cachetools import TLRUCache
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage

from app.core.redis_options import options_for

RETRY_SECONDS: Final = 5.0  # seconds that we count here after Redis failed, before we ask it again
SCHEME: Final = "shared-or-local"
STORAGE_URI: Final = f"{SCHEME}://"
MAX_WINDOWS: Final = 100_000  # of each of two kinds, so that a flood of invented names cannot fill the memory

log = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(slots=True)
class Window:
    """How often something was counted, and when that is forgotten."""

    count: int
    absolute_expires_at: float


class CountingStorage(Storage):
    """Counts in Redis at `redis_url`; without one, or while it fails, in memory. For the strategies of `limits`.

    Flask-Limiter finds it by `STORAGE_URI`.
    """

    STORAGE_SCHEME = [SCHEME]
    base_exceptions = StorageError

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, *, redis_url: str = "") -> None:
        super().__init__(uri, wrap_exceptions)
        self._local = BoundedMemory()
        self._shared = RedisStorage(redis_url, **options_for(redis_url)) if redis_url else None
        self._down_until = float("-inf")

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count so many more; how many there are then."""
        return self._on_storage(lambda storage: storage.incr(key, expiry, amount))

    def get(self, key: str) -> int:
        """How many there are."""
        return self._on_storage(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        """The moment at which the window ends, in seconds of the epoch."""
        return self._on_storage(lambda storage: storage.get_expiry(key))

    def clear(self, key: str) -> None:
        """Count from zero again."""
        self._on_storage(lambda storage: storage.clear(key))

    def check(self) -> bool:
        """It always counts somewhere."""
        return True

    def reset(self) -> None:
        """Never: who resets all counters unlocks every account."""
        raise NotImplementedError

    def _on_storage(self, act: Callable[["Storage | BoundedMemory"], Result]) -> Result:
        if self._shared is not None and time.monotonic() >= self._down_until:
            try:
                return act(self._shared)
            except StorageError:
                self._down_until = time.monotonic() + RETRY_SECONDS
                log.warning("Redis does not answer: limits are counted in each process by itself")
        return act(self._local)


class BoundedMemory:
    """Fixed windows in the memory of this process.

    A window whose limit is reached is kept apart from those with room left, so that no number of the latter can push
    it out: what is over `most` drops the one that was counted least recently. Where even the reached ones are over
    `most`, the least recently counted of them goes: to refuse everybody new instead would let an attacker shut out
    all people, while to get there they must first use up `most` whole allowances.
    """

    def __init__(self, most: int = MAX_WINDOWS) -> None:
        self._lock = threading.Lock()
        self._with_room: TLRUCache[str, Window] = TLRUCache(most, _end_of, time.time)
        self._reached: TLRUCache[str, Window] = TLRUCache(most, _end_of, time.time)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count so many more; how many there are then."""
        with self._lock:
            window = self._find(key) or Window(0, time.time() + expiry)
            window.count += amount
            self._drop(key)
            (self._reached if window.count >= _limit_of(key) else self._with_room)[key] = window
            return window.count

    def get(self, key: str) -> int:
        """How many there are."""
        with self._lock:
            window = self._find(key)
            return window.count if window else 0

    def get_expiry(self, key: str) -> float:
        """The moment at which the window ends; now if there is none."""
        with self._lock:
            window = self._find(key)
            return window.absolute_expires_at if window else time.time()

    def clear(self, key: str) -> None:
        """Count from zero again."""
        with self._lock:
            self._drop(key)

    def _find(self, key: str) -> Window | None:
        return self._reached.get(key) or self._with_room.get(key)

    def _drop(self, key: str) -> None:
        self._reached.pop(key, None)
        self._with_room.pop(key, None)


def _end_of(_key: str, window: Window, _now: float) -> float:
    return window.absolute_expires_at


def _limit_of(key: str) -> int:
    return int(key.rsplit("/", 3)[1])  # RateLimitItem.key_for: …/amount/multiples/granularity
