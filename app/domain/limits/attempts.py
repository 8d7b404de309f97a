"""Attempts at passwords and codes, counted for each account over all routes that accept one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from limits import RateLimitItem

from app.core.errors import RateLimited
from app.domain.limits.counters import Counters


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that is being checked. It is counted once its result is known, and only if it was wrong."""

    counters: Counters
    key: str
    windows: Sequence[RateLimitItem]

    def settle(self, *, right: bool) -> RateLimited | None:
        """Count a wrong attempt. Returns the error to raise instead of the result, if a limit is reached by now.

        Of many parallel attempts only those that end before the limit is reached learn their result, so parallel
        attempts learn no more than serial ones. Call this as soon as the result is known: any work done before it for
        wrong attempts only would let a right one overtake them.
        """
        return self.locked() if right else self._count_failure()

    def locked(self) -> RateLimited | None:
        """The error to raise, if one of the limits is reached."""
        for window in self.windows:
            if self.counters.is_reached(window, self.key):
                return self._rate_limited(window)
        return None

    def _count_failure(self) -> RateLimited | None:
        for window in self.windows:  # shortest first: what it rejects does not count in the longer ones
            if not self.counters.hit(window, self.key):
                return self._rate_limited(window)
        return None

    def _rate_limited(self, window: RateLimitItem) -> RateLimited:
        return RateLimited(retry_after=self.counters.seconds_left(window, self.key))


class AttemptLimiter:
    """Limits wrong attempts to those of `windows`, the same for addresses with and without an account.

    `windows`: shortest first. With several the wait grows, and it ends. A trusted device has a counter of its own, so
    guessing elsewhere does not lock the owner out.
    """

    def __init__(self, counters: Counters, windows: Sequence[RateLimitItem]) -> None:
        self._counters, self._windows = counters, windows

    def attempt(self, account: str, device: str | None = None) -> Attempt:
        """Start one attempt; call `settle` if it has a result. Raises `RateLimited` if a limit is reached."""
        attempt = Attempt(self._counters, _key(account, device), self._windows)
        if error := attempt.locked():
            raise error
        return attempt

    def reset(self, account: str) -> None:
        """Set the account's counters to zero, after the owner proved their identity in another way."""
        for window in self._windows:
            self._counters.reset(window, _key(account, None))


def _key(account: str, device: str | None) -> str:
    return hashlib.sha256(f"{account}\n{device or ''}".encode()).hexdigest()  # Redis stores no email address
