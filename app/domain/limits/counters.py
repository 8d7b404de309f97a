"""Counters of failures in fixed windows, each with a limit."""

import time

from limits import RateLimitItem
from limits.strategies import FixedWindowRateLimiter

from app.core.counting import CountingStorage


class Counters:
    """Counts in Redis at `redis_url`; without one, or while it fails, here."""

    def __init__(self, redis_url: str) -> None:
        self._windows = FixedWindowRateLimiter(CountingStorage(redis_url=redis_url))

    def hit(self, limit: RateLimitItem, key: str) -> bool:
        """Count one more; False if that is more than the limit."""
        return self._windows.hit(limit, key)

    def is_reached(self, limit: RateLimitItem, key: str) -> bool:
        """Whether one more would be more than the limit. Counts nothing."""
        return not self._windows.test(limit, key)

    def reset(self, limit: RateLimitItem, key: str) -> None:
        """Begin at nought."""
        self._windows.clear(limit, key)

    def seconds_left(self, limit: RateLimitItem, key: str) -> int:
        """Until the window ends."""
        absolute_expires_at = self._windows.get_window_stats(limit, key).reset_time
        return max(1, round(absolute_expires_at - time.time()))
