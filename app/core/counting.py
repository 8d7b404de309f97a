"""Storage for rate limits: in Redis for all processes, or in the memory of each process."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from cachetools import TLRUCache
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage

from app.core.redis_options import options_for

RETRY_SECONDS: Final = 5.0  # after a failure of Redis, until it is tried again
SCHEME: Final = "shared-or-local"
STORAGE_URI: Final = f"{SCHEME}://"
MAX_WINDOWS: Final = 100_000  # of each of two kinds, so that many invented names cannot fill the memory

log = logging.getLogger(__name__)
Result = TypeVar("Result")


def parse_rates(text: str) -> tuple[RateLimitItem, ...]:
    """The rates in "10 per 15 minutes; 50 per day", shortest window first. Raises `ValueError`."""
    try:
        rates = sorted(parse_many(text), key=lambda rate: rate.get_expiry())
    except ValueError:
        rates = []
    if not rates or any(rate.amount < 1 for rate in rates):
        raise ValueError("must be a rate such as `20 per minute`, or several: `10 per 15 minutes; 50 per day`")
    return tuple(rates)


@dataclass(slots=True)
class Window:
    """A count, and when it expires, in seconds since the epoch."""

    count: int
    absolute_expires_at: float


class CountingStorage(Storage):
    """A storage for the package `limits`: Redis at `redis_url`, or memory if that is empty or fails.

    Flask-Limiter selects it by `STORAGE_URI`.
    """

    STORAGE_SCHEME = [SCHEME]
    base_exceptions = StorageError

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, *, redis_url: str = "") -> None:
        super().__init__(uri, wrap_exceptions)
        self._local = BoundedMemory()
        self._shared = RedisStorage(redis_url, **options_for(redis_url)) if redis_url else None
        self._down_until = float("-inf")

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount`; returns the new count."""
        return self._on_storage(lambda storage: storage.incr(key, expiry, amount))

    def get(self, key: str) -> int:
        """The current count."""
        return self._on_storage(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since the epoch."""
        return self._on_storage(lambda storage: storage.get_expiry(key))

    def clear(self, key: str) -> None:
        """Reset the count to zero."""
        self._on_storage(lambda storage: storage.clear(key))

    def check(self) -> bool:
        """Always true: without Redis it counts in memory."""
        return True

    def reset(self) -> None:
        """Not supported: resetting all counters would lift the limit on guesses for every account."""
        raise NotImplementedError

    def _on_storage(self, act: Callable[["Storage | BoundedMemory"], Result]) -> Result:
        if self._shared is not None and time.monotonic() >= self._down_until:
            try:
                return act(self._shared)
            except StorageError:
                self._down_until = time.monotonic() + RETRY_SECONDS
                log.warning("Redis does not answer: each process counts limits separately until it does")
        return act(self._local)


class BoundedMemory:
    """Fixed windows in the memory of this process.

    Windows that have reached their limit are stored separately from the others, so that an attacker cannot evict them
    by opening many new ones. Each store keeps at most `most` windows and evicts the least recently counted. If the
    store of reached limits is full, it evicts too: rejecting every new key instead would let an attacker lock
    everybody out, and filling that store takes `most` complete allowances.
    """

    def __init__(self, most: int = MAX_WINDOWS) -> None:
        self._lock = threading.Lock()
        self._below_limit: TLRUCache[str, Window] = TLRUCache(most, _end_of, time.time)
        self._at_limit: TLRUCache[str, Window] = TLRUCache(most, _end_of, time.time)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount`; returns the new count."""
        with self._lock:
            window = self._find(key) or Window(0, time.time() + expiry)
            window.count += amount
            self._drop(key)
            (self._at_limit if window.count >= _limit_of(key) else self._below_limit)[key] = window
            return window.count

    def get(self, key: str) -> int:
        """The current count."""
        with self._lock:
            window = self._find(key)
            return window.count if window else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since the epoch; now if there is none."""
        with self._lock:
            window = self._find(key)
            return window.absolute_expires_at if window else time.time()

    def clear(self, key: str) -> None:
        """Reset the count to zero."""
        with self._lock:
            self._drop(key)

    def _find(self, key: str) -> Window | None:
        return self._at_limit.get(key) or self._below_limit.get(key)

    def _drop(self, key: str) -> None:
        self._at_limit.pop(key, None)
        self._below_limit.pop(key, None)


def _end_of(_key: str, window: Window, _now: float) -> float:
    return window.absolute_expires_at


def _limit_of(key: str) -> int:
    return int(key.rsplit("/", 3)[1])  # RateLimitItem.key_for: …/amount/multiples/granularity
