"""A check of a password takes as long as one hash at today's cost, however cheap the hash is that was kept.

Else the time of a refused sign-in would tell that an address has an account: one that came with another format's hash,
or one whose owner was last here before the cost was raised.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

import bcrypt

MIN_ROUNDS: Final = 4  # bcrypt knows no lower cost
SMOOTHING: Final = 0.1
TOO_LONG: Final = 1.25  # of a whole hash; less than that is lost in the noise of a busy machine

log = logging.getLogger(__name__)


class ConstantWork:
    """Fills what a check leaves of the work of one hash at cost `rounds` with hashes of lower costs.

    `seconds` is what such a hash took of a thread's own time, in which waiting for others is left out.
    """

    def __init__(self, rounds: int, seconds: float) -> None:
        self._rounds, self._whole = rounds, seconds
        self._told = False

    def of_own(self, rounds: int, check: Callable[[], bool]) -> bool:
        """The result of a check of a hash of our own, made at the cost `rounds`."""
        result, seconds = _timed(check)
        if rounds == self._rounds:
            self._whole += (seconds - self._whole) * SMOOTHING  # a machine is not always equally fast
        for cost in range(rounds, self._rounds):  # 2^n + 2^n + 2^(n+1) + … + 2^(N-1) = 2^N
            _spend(cost)
        self._warn_if_longer(rounds > self._rounds)
        return result

    def of_foreign(self, check: Callable[[], bool]) -> bool:
        """The result of a check of a hash in another format."""
        result, seconds = _timed(check)
        left = self._whole - seconds
        for cost in range(self._rounds - 1, MIN_ROUNDS - 1, -1):
            share = self._whole / 2 ** (self._rounds - cost)
            if left >= share:
                _spend(cost)
                left -= share
        self._warn_if_longer(seconds > self._whole * TOO_LONG)
        return result

    def _warn_if_longer(self, is_longer: bool) -> None:
        if is_longer and not self._told:
            self._told = True
            log.warning(
                "a kept password hash takes longer to check than one at BCRYPT_ROUNDS=%d, "
                "so sign-in tells that its account exists: raise BCRYPT_ROUNDS",
                self._rounds,
            )


def _spend(rounds: int) -> None:
    bcrypt.hashpw(b"", bcrypt.gensalt(rounds))


def _timed(check: Callable[[], bool]) -> tuple[bool, float]:
    began = time.thread_time()
    return check(), time.thread_time() - began
