"""Counters of failures in fixed time windows, each with a limit."""

import time

from limits import RateLimitItem
from limits.strategies import FixedWindowRateLimiter

from app.core.counting import CountingStorage


class Counters:
    """Counts in Redis at `redis_url`; in this process if that is empty or while Redis fails."""

    def __init__(self, redis_url: str) -> None:
        self._windows = FixedWindowRateLimiter(CountingStorage(redis_url=redis_url))

    def hit(self, limit: RateLimitItem, key: str) -> bool:
        """Count one; False if that exceeds the limit."""
        return self._windows.hit(limit, key)

    def is_reached(self, limit: RateLimitItem, key: str) -> bool:
        """Whether one more would exceed the limit. Does not count."""
        return not self._windows.test(limit, key)

    def reset(self, limit: RateLimitItem, key: str) -> None:
        """Set the counter to zero."""
        self._windows.clear(limit, key)

    def seconds_left(self, limit: RateLimitItem, key: str) -> int:
        """Seconds until the window ends, at least 1."""
        window_ends_at = self._windows.get_window_stats(limit, key).reset_time
        return max(1, round(window_ends_at - time.time()))
