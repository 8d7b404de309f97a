"""Time, handed to whoever needs it, so that a test can hold it still."""

from datetime import UTC, datetime


class Clock:
    """The machine's clock in UTC."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)
