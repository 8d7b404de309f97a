"""Runs a job periodically, in a thread of its own or in the caller's, with back-off after errors."""

import logging
import random
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from app.core.errors import Unavailable

MAX_PAUSE: Final = 15.0
POLL_SECONDS: Final = 1.0

Context = Callable[[], AbstractContextManager[object]]
Job = Callable[[threading.Event], int]
logger = logging.getLogger(__name__)
_random = random.SystemRandom()


def run_periodically(
    name: str, job: Job, stop: threading.Event, *, poll_seconds: float = POLL_SECONDS, context: Context = nullcontext
) -> None:
    """Call `job(stop)` within `context()` until `stop` is set.

    After a result above 0 the next call follows at once, otherwise after `poll_seconds`; after errors the delay doubles
    up to `MAX_PAUSE` seconds.
    """
    failures = 0
    while not stop.is_set():
        try:
            with context():
                pause = 0.0 if job(stop) else poll_seconds
            failures = 0
        except Exception as failure:  # a bug or an outage must not end the loop
            failures += 1
            pause = min(MAX_PAUSE, poll_seconds * 2 ** min(failures, 10)) * _random.uniform(0.8, 1.2)
            log_failure(f"{name} failed, retrying in {pause:.1f} s", failure)
        stop.wait(pause)


class BackgroundTask(threading.Thread):
    """`run_periodically` in a daemon thread. It starts at once, and ends with the process or with `stop()`."""

    def __init__(self, name: str, job: Job, context: Context, poll_seconds: float = POLL_SECONDS) -> None:
        self._end = threading.Event()
        options = {"poll_seconds": poll_seconds, "context": context}
        super().__init__(target=run_periodically, args=(name, job, self._end), kwargs=options, name=name, daemon=True)
        self.start()

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
