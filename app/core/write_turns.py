"""Turns of the processes that write to one SQLite database.

SQLite lets one connection write at a time. A second one sleeps and tries again, in steps of up to a tenth of a second
and in no order, so that under load some writes take half a second. Here each process waits for its turn first, with two
file locks: who holds `next` gets `now` when it becomes free, and only then lets another one take `next`. So a process
cannot write twice while another one waits. The system releases the locks of a process that dies.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

import sqlalchemy as sa

POLL_SECONDS: Final = 0.0002


class WriteTurn:
    """The turn of one connection. Its files are `<database>-next` and `<database>-now`."""

    def __init__(self, database: Path, timeout: float) -> None:
        self._timeout = timeout
        self._next, self._now = (_open(database.with_name(f"{database.name}-{name}")) for name in ("next", "now"))
        self._taken = False

    def take(self) -> None:
        """Wait for the turn, unless it is taken. Raises `sqlalchemy.exc.TimeoutError` after the timeout."""
        if self._taken:
            return
        deadline = time.monotonic() + self._timeout
        _lock(self._next, deadline)
        try:
            _lock(self._now, deadline)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)
        self._taken = True

    def release(self) -> None:
        """Let the next one write, if the turn is taken."""
        if self._taken:
            self._taken = False
            fcntl.flock(self._now, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release the turn and close the files."""
        self.release()
        for descriptor in (self._next, self._now):
            os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock(descriptor: int, deadline: float) -> None:
    # Polled, because a blocking call has no timeout, and would never return if another process was stopped.
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise sa.exc.TimeoutError("another process did not end its turn to write") from None
        time.sleep(POLL_SECONDS)
