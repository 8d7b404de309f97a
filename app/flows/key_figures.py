"""Key figures for administrators: how many accounts and sessions there are, and what the last days brought."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from app.core.clock import Clock
from app.domain.accounts.search import AccountSearch
from app.domain.audit.journal import EventType, Journal
from app.domain.mail.outbox import Outbox
from app.flows.steps.identity import AccountSessions

DAYS: Final = 14
MOST_EVENTS: Final = 20_000  # read for one answer, whatever the size of the audit log
REMEMBERED_SECONDS: Final = 15.0
SIGN_UPS, SIGN_INS = (EventType.ACCOUNT_CREATED,), (EventType.SESSION_OPENED, EventType.ACCOUNT_CREATED)
FAILURES = (EventType.LOGIN_FAILED, EventType.SECOND_FACTOR_FAILED, EventType.PASSKEY_FAILED)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What happened on one day (UTC)."""

    date: date
    sign_ups: int
    sign_ins: int
    failed_sign_ins: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one moment. `complete_since`: the days before it lack events that were not read."""

    accounts: int
    sessions: int
    emails_queued: int
    emails_dead: int
    mail_failing: bool
    days: list[DayFigures]
    complete_since: datetime | None


class KeyFigures:
    """Reads the figures, with a bounded number of rows, and remembers them for a few seconds."""

    def __init__(
        self, clock: Clock, accounts: AccountSearch, sessions: AccountSessions, outbox: Outbox, journal: Journal
    ) -> None:
        self._clock, self._accounts, self._sessions = clock, accounts, sessions
        self._outbox, self._journal = outbox, journal
        self._found: Figures | None = None
        self._found_at = float("-inf")
        self._reading = threading.Lock()

    def read(self) -> Figures:
        """The figures, at most `REMEMBERED_SECONDS` old."""
        with self._reading:
            if self._found is None or time.monotonic() - self._found_at > REMEMBERED_SECONDS:
                self._found, self._found_at = self._read(), time.monotonic()
            return self._found

    def _read(self) -> Figures:
        now = self._clock.now()
        depth, events = self._outbox.depth(now), self._journal.recent(MOST_EVENTS)
        return Figures(
            self._accounts.count(),
            self._sessions.count_alive(now),
            depth.queued,
            depth.dead,
            self._outbox.is_failing(),
            _by_day(events, now.date()),
            min(at for at, _ in events) if len(events) >= MOST_EVENTS else None,
        )


def _by_day(events: list[tuple[datetime, str]], today: date) -> list[DayFigures]:
    found = Counter((at.date(), event) for at, event in events)
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    return [DayFigures(day, *(_sum(found, day, types) for types in (SIGN_UPS, SIGN_INS, FAILURES))) for day in days]


def _sum(found: Counter[tuple[date, str]], day: date, types: tuple[EventType, ...]) -> int:
    return sum(found[day, event.value] for event in types)
