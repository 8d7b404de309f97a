"""Guesses at passwords and codes: counted for each account, over every path that takes one."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from limits import parse_many

from app.core.errors import Busy, TooMany
from app.domain.limits.counters import Counters

# After ten wrong ones the wait is a quarter of an hour, after twenty an hour, after fifty a day: it grows, and it ends.
WINDOWS: Final = tuple(parse_many("10 per 15 minutes; 20 per hour; 50 per day"))


class Guesses:
    """Allows so many wrong guesses in each of `WINDOWS`, for an account that exists and for one that does not alike.

    A device that signed in before has an allowance of its own, so nobody can lock an owner out by guessing.
    """

    def __init__(self, counters: Counters, *, enabled: bool) -> None:
        self._counters, self._enabled = counters, enabled

    @contextmanager
    def at(self, account: str, device: str | None = None) -> Iterator[None]:
        """Look at one guess within this block, or `TooMany`. It counts if the block ends by a refusal.

        It is counted before it is looked at, so that parallel guesses are no more than serial ones; and given back if
        it was right, or could not be looked at.
        """
        key = _key(account, device)
        if self._enabled:
            self._count(key)
        try:
            yield
        except Busy:
            self._give_back(key)
            raise
        self._give_back(key)

    def forget(self, account: str) -> None:
        """Let the account begin anew, as its owner has just shown who they are."""
        for window in WINDOWS:
            self._counters.clear(window, _key(account, None))

    def _count(self, key: str) -> None:
        for window in WINDOWS:  # from the shortest on: what it refuses does not count in the longer ones
            if not self._counters.hit(window, key):
                raise TooMany(retry_after=self._counters.seconds_left(window, key))

    def _give_back(self, key: str) -> None:
        for window in WINDOWS if self._enabled else ():
            self._counters.give_back(window, key)


def _key(account: str, device: str | None) -> str:
    return hashlib.sha256(f"{account}\n{device or ''}".encode()).hexdigest()  # no address rests in Redis
