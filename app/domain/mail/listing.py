"""The outbox as operators see it: the state of each message, never its content."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message, with the address masked. The fields are in the order of the columns in `queries.SHOW`."""

    id: int
    kind: str
    state: str
    attempts: int
    due_at: datetime
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    account_id: str | None
    address: str | None
    message_id: str

    @classmethod
    def of(cls, row: Sequence[Any]) -> "ListedMessage":
        """Build it from a row."""
        message = cls(*row)
        return replace(message, address=masked(message.address))


@dataclass(frozen=True, slots=True)
class OutboxSummary:
    """Number of messages by state, and the age of the oldest queued one."""

    queued: int
    sent: int
    dead: int
    dropped: int
    oldest: timedelta | None


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Number of messages that are queued, due and dead, and how long the oldest has been due."""

    queued: int
    due: int
    dead: int
    oldest_due: timedelta


def masked(address: str | None) -> str | None:
    """The first character and the domain of an email address: `a…@example.com`."""
    local, at, domain = (address or "").rpartition("@")
    return address and f"{local[:1]}…{at}{domain}" if at else address and "…"
