"""A clock that tests move, for as many processes as they start."""

from datetime import UTC, datetime, timedelta
from mmap import mmap
from pathlib import Path

from app.core.clock import Clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class SettableClock(Clock):
    """The machine's clock until a test advances or stops it. Clocks that share a file agree, also across processes.

    `SettableClock(at=NOON)` stands still at that time and moves only by `advance`.
    """

    def __init__(self, file: Path | None = None, *, at: datetime | None = None) -> None:
        self._state = memoryview(bytearray(16)).cast("q")  # stopped at, ahead by; in microseconds
        if at:
            self._state[0] = (at - EPOCH) // MICROSECOND
        if file:
            self.share(file)

    def share(self, file: Path) -> None:
        """Show the time that the file holds from now on."""
        self.file = file
        with file.open("a+b") as opened:
            opened.truncate(16)
            self._state = memoryview(mmap(opened.fileno(), 16)).cast("q")

    def now(self) -> datetime:
        stopped, ahead = self._state
        return (EPOCH + stopped * MICROSECOND if stopped else super().now()) + ahead * MICROSECOND

    def advance(self, seconds: float = 0, **more: float) -> None:
        """Let time pass: `clock.advance(30)`, `clock.advance(days=14)`."""
        self._state[1] += timedelta(seconds=seconds, **more) // MICROSECOND

    def hold(self) -> datetime:
        """Stop the clock where it is."""
        self._state[0] = (super().now() - EPOCH) // MICROSECOND
        return self.now()

    def reset(self) -> None:
        """Show the time of the machine again."""
        self._state[0] = self._state[1] = 0
