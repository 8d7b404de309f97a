"""Guesses at passwords and codes: counted for each account, over every path that takes one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem, parse_many

from app.core.errors import RateLimited
from app.domain.limits.counters import Counters

# After ten wrong ones the wait is a quarter of an hour, after twenty an hour, after fifty a day: it grows, and it ends.
WINDOWS: Final = tuple(parse_many("10 per 15 minutes; 20 per hour; 50 per day"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One guess that is being checked. It counts when its result is known, and only if it failed."""

    counters: Counters
    key: str
    windows: Sequence[RateLimitItem]

    def settle(self, *, right: bool) -> RateLimited | None:
        """Count a failure. Gives the error to answer with instead of the result, if the limit was reached meanwhile.

        Of any number of parallel guesses only those learn their result that end before the limit is reached, so they
        tell no more than serial ones. Call it as soon as the result is known: whatever is done before it for a failure
        alone would let a right guess overtake the wrong ones.
        """
        return self.locked() if right else self._count_failure()

    def locked(self) -> RateLimited | None:
        """The error to answer with, if one of the limits is reached."""
        for window in self.windows:
            if self.counters.is_reached(window, self.key):
                return self._rate_limited(window)
        return None

    def _count_failure(self) -> RateLimited | None:
        for window in self.windows:  # from the shortest on: what it refuses does not count in the longer ones
            if not self.counters.hit(window, self.key):
                return self._rate_limited(window)
        return None

    def _rate_limited(self, window: RateLimitItem) -> RateLimited:
        return RateLimited(retry_after=self.counters.seconds_left(window, self.key))


class AttemptLimiter:
    """Allows so many wrong guesses in each of `WINDOWS`, for an account that exists and for one that does not alike.

    A device that signed in before has an allowance of its own, so nobody can lock an owner out by guessing.
    """

    def __init__(self, counters: Counters, *, enabled: bool) -> None:
        self._counters, self._windows = counters, WINDOWS if enabled else ()

    def attempt(self, account: str, device: str | None = None) -> Attempt:
        """Begin to check one guess, or `TooMany`. Settle it when the result is known; not if there is none."""
        attempt = Attempt(self._counters, _key(account, device), self._windows)
        if locked := attempt.locked():
            raise locked
        return attempt

    def reset(self, account: str) -> None:
        """Let the account begin anew, as its owner has just shown who they are."""
        for window in WINDOWS:
            self._counters.reset(window, _key(account, None))


def _key(account: str, device: str | None) -> str:
    return hashlib.sha256(f"{account}\n{device or ''}".encode()).hexdigest()  # no address rests in Redis
