"""Runs a job periodically in a thread, with back-off after errors."""

import logging
import random
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager

from app.core.errors import Unavailable

MAX_PAUSE = 15.0

Context = Callable[[], AbstractContextManager[object]]
logger = logging.getLogger(__name__)


def run_periodically(
    name: str,
    one_round: Callable[[threading.Event], int],
    *,
    stop: threading.Event,
    poll_seconds: float,
    context: Context,
    jitter: random.Random,
) -> None:
    """Call `one_round` within `context()` until `stop` is set.

    After a result above 0 the next call follows at once, otherwise after `poll_seconds`; after errors the delay doubles
    up to `MAX_PAUSE` seconds.
    """
    failures = 0
    while not stop.is_set():
        try:
            with context():
                pause = 0.0 if one_round(stop) else poll_seconds
            failures = 0
        except Exception as failure:  # a bug or an outage must not end the loop
            failures += 1
            pause = min(MAX_PAUSE, poll_seconds * 2 ** min(failures, 10)) * jitter.uniform(0.8, 1.2)
            log_failure(f"{name} failed, retrying in {pause:.1f} s", failure)
        stop.wait(pause)


class BackgroundTask(threading.Thread):
    """A daemon thread that ends with the process or with `stop()`."""

    def __init__(self, name: str, rounds: Callable[[threading.Event], None]) -> None:
        self._end = threading.Event()
        super().__init__(target=rounds, args=(self._end,), name=name, daemon=True)

    def stop(self, timeout: float | None = None) -> None:
        """Finish the current call, then end. Waits for up to `timeout` seconds."""
        self._end.set()
        self.join(timeout)


def log_failure(what: str, failure: Exception) -> None:
    """Log type and position of an exception, but not its message, which may hold an address or a link."""
    if isinstance(failure, Unavailable):
        logger.warning("%s: %s", what, failure.message)
        return
    frames = traceback.extract_tb(failure.__traceback__)[-4:]
    where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    logger.error("%s: %s at %s", what, type(failure).__name__, where)
