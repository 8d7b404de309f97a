"""Makes every password check take as long as one hash at the current cost, however cheap the stored hash is.

Otherwise the response time of a failed sign-in would show that an address has an account whose hash is in another
format, or was made before the cost was raised.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

import bcrypt

MIN_ROUNDS: Final = 4  # the lowest cost of bcrypt
SMOOTHING: Final = 0.1  # weight of the newest measurement
TOO_LONG: Final = 1.25  # of the time of one hash; smaller differences are noise on a busy machine

log = logging.getLogger(__name__)


class ConstantWork:
    """Adds hashes of lower costs to a check until it has done the work of one hash at cost `rounds`.

    `seconds` is the CPU time of one such hash in its thread, so waiting for other threads does not count.
    """

    def __init__(self, rounds: int, seconds: float) -> None:
        self._rounds, self._full_seconds = rounds, seconds
        self._warned = False

    def of_own(self, rounds: int, check: Callable[[], bool]) -> bool:
        """Run the check of a hash in our own format, made at the cost `rounds`, and return its result."""
        result, seconds = _timed(check)
        if rounds == self._rounds:
            self._full_seconds += (seconds - self._full_seconds) * SMOOTHING  # the speed of a machine varies
        for cost in range(rounds, self._rounds):  # 2^n + 2^n + 2^(n+1) + … + 2^(N-1) = 2^N
            _spend(cost)
        self._warn_if_longer(rounds > self._rounds)
        return result

    def of_foreign(self, check: Callable[[], bool]) -> bool:
        """Run the check of a hash in another format, and return its result."""
        result, seconds = _timed(check)
        left = self._full_seconds - seconds
        for cost in range(self._rounds - 1, MIN_ROUNDS - 1, -1):
            share = self._full_seconds / 2 ** (self._rounds - cost)
            if left >= share:
                _spend(cost)
                left -= share
        self._warn_if_longer(seconds > self._full_seconds * TOO_LONG)
        return result

    def _warn_if_longer(self, is_longer: bool) -> None:
        if is_longer and not self._warned:
            self._warned = True
            log.warning(
                "a stored password hash takes longer to check than one at BCRYPT_ROUNDS=%d, "
                "so response times show that its account exists; raise BCRYPT_ROUNDS",
                self._rounds,
            )


def _spend(rounds: int) -> None:
    bcrypt.hashpw(b"", bcrypt.gensalt(rounds))


def _timed(check: Callable[[], bool]) -> tuple[bool, float]:
    started = time.thread_time()
    return check(), time.thread_time() - started
