"""Counters that forget: in Redis for all processes together, or in the memory of this one."""

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from app.core.redis import options_for

TRY_AGAIN: Final = 5.0  # seconds that we count here after Redis failed, before we ask it again
MOST_KEYS: Final = 300_000  # in memory, so that a flood of invented names cannot fill it

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Counters:
    """Counts in Redis at `redis_url`; without one, or while it fails, here."""

    def __init__(self, redis_url: str) -> None:
        self._local = MemoryStorage()
        self._shared = RedisStorage(redis_url, **options_for(redis_url)) if redis_url else None
        self._down_until = float("-inf")

    def hit(self, limit: RateLimitItem, key: str) -> bool:
        """Count one more; False if that is more than the limit."""
        return self._on_storage(lambda strategy: strategy.hit(limit, key))

    def give_back(self, limit: RateLimitItem, key: str) -> None:
        """Count one less."""
        self._on_storage(lambda strategy: strategy.storage.incr(limit.key_for(key), limit.get_expiry(), -1))

    def clear(self, limit: RateLimitItem, key: str) -> None:
        """Begin at nought."""
        self._on_storage(lambda strategy: strategy.clear(limit, key))

    def seconds_left(self, limit: RateLimitItem, key: str) -> int:
        """Until the window ends."""
        ends_at = self._on_storage(lambda strategy: strategy.get_window_stats(limit, key)).reset_time
        return max(1, round(ends_at - time.time()))

    def _on_storage(self, act: Callable[[FixedWindowRateLimiter], Result]) -> Result:
        if self._shared is not None and time.monotonic() >= self._down_until:
            try:
                return act(FixedWindowRateLimiter(self._shared))
            except StorageError:
                self._down_until = time.monotonic() + TRY_AGAIN
                log.warning("Redis does not answer: limits are counted in each process by itself")
        if len(self._local.storage) > MOST_KEYS:
            self._local.reset()
        return act(FixedWindowRateLimiter(self._local))
