"""The current time, injected so that tests can set it."""

from datetime import UTC, datetime


class Clock:
    """The system clock."""

    def now(self) -> datetime:
        """The current time as an aware datetime in UTC."""
        return datetime.now(UTC)
