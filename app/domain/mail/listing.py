"""The outbox as operators see it: what became of an email, never what it says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One email. The fields stand in the order of the statement that reads them, with the address masked."""

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
        """The email in a row."""
        message = cls(*row)
        return replace(message, address=masked(message.address))


@dataclass(frozen=True, slots=True)
class OutboxSummary:
    """How the outbox stands, for operators: emails by state and how long the oldest queued one has waited."""

    queued: int
    sent: int
    dead: int
    dropped: int
    oldest: timedelta | None


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """What the outbox still holds: emails to be sent, those of them that are due, those given up."""

    queued: int
    due: int
    dead: int
    oldest_due: timedelta


def masked(address: str | None) -> str | None:
    """Enough of an address to recognise one's own: `a…@example.com`."""
    local, at, domain = (address or "").rpartition("@")
    return address and f"{local[:1]}…{at}{domain}" if at else address and "…"
