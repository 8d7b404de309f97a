"""Making one round after another: a background task that outlives the outages of what it depends on."""

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
    """Call `one_round` within `context()` until stopped: at once if it gives more than 0, ever later if it fails."""
    failures = 0
    while not stop.is_set():
        try:
            with context():
                pause = 0.0 if one_round(stop) else poll_seconds
            failures = 0
        except Exception as failure:  # whatever it was: the next round must still come
            failures += 1
            pause = min(MAX_PAUSE, poll_seconds * 2 ** min(failures, 10)) * jitter.uniform(0.8, 1.2)
            log_failure(f"{name} pauses", failure)
        stop.wait(pause)


class BackgroundTask(threading.Thread):
    """Rounds in a thread of their own, which ends with the process or with `stop()`."""

    def __init__(self, name: str, rounds: Callable[[threading.Event], None]) -> None:
        self._end = threading.Event()
        super().__init__(target=rounds, args=(self._end,), name=name, daemon=True)

    def stop(self, timeout: float | None = None) -> None:
        """Finish what is in hand, then end."""
        self._end.set()
        self.join(timeout)


def log_failure(what: str, failure: Exception) -> None:
    """Log a failure without its own words, which may hold an address or a link: what kind it is, and where."""
    if isinstance(failure, Unavailable):
        logger.warning("%s: %s", what, failure.message)
        return
    frames = traceback.extract_tb(failure.__traceback__)[-4:]
    where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    logger.error("%s: %s at %s", what, type(failure).__name__, where)
