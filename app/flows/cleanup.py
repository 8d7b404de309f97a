"""Cleanup: delete expired data, in batches small enough that no other statement waits long for a lock."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from app.core.background import BackgroundTask, Context
from app.core.clock import Clock
from app.core.errors import Unavailable
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.store import AccountStore
from app.domain.accounts.unverified import UnverifiedAccounts
from app.domain.audit.chain_head import ChainHeadStore
from app.domain.audit.seal import Sealer
from app.domain.challenges.store import SpentChallenges
from app.domain.email_actions.store import EmailActionStore
from app.domain.email_sign_ins.store import EmailSignInStore
from app.domain.factors.store import FactorStore
from app.domain.leases.store import Leases
from app.domain.mail.outbox import Outbox
from app.domain.trusted_devices.store import TrustedDeviceStore
from app.flows.steps.identity import AccountSessions
from app.flows.steps.purge_account import PurgeAccount

BATCH: Final = 200
# Between batches at least this, and so many times as long as the batch took: other statements get their locks and most
# of the time. It makes 4,000 rows per second at most.
MIN_PAUSE_SECONDS: Final = 0.05
PAUSE_SHARE: Final = 4
SESSION_RETENTION: Final = timedelta(days=30)
MESSAGE_RETENTION: Final = timedelta(days=30)
ACTION_RETENTION: Final = timedelta(days=1)
CHALLENGE_RETENTION: Final = timedelta(hours=1)  # after they expire, so that a clock that is behind does no harm
ENROLMENT_TIME: Final = timedelta(hours=1)
TASK: Final = "cleanup"
ATTEMPTS: Final = 3


class Cleanup:
    """Purges accounts that are due, and deletes expired sessions, messages, email actions and events.

    `unverified_kept`: how long an account is kept whose address is never verified; None: without limit. Many processes
    may ask every `interval`: one of them runs it, and the next run is one interval later.
    """

    def __init__(
        self,
        work: UnitOfWork,
        clock: Clock,
        accounts: AccountStore,
        unverified_accounts: UnverifiedAccounts,
        sessions: AccountSessions,
        factors: FactorStore,
        trusted_devices: TrustedDeviceStore,
        spent_challenges: SpentChallenges,
        email_actions: EmailActionStore,
        email_sign_ins: EmailSignInStore,
        outbox: Outbox,
        purge_account: PurgeAccount,
        chain_heads: ChainHeadStore,
        sealer: Sealer,
        leases: Leases,
        events_kept: timedelta,
        unverified_kept: timedelta | None,
        interval: timedelta,
    ) -> None:
        self._unverified_accounts, self._unverified_kept = unverified_accounts, unverified_kept
        self._work, self._chain_heads, self._sealer, self._events_kept = work, chain_heads, sealer, events_kept
        self._clock, self._accounts, self._sessions, self._email_actions = clock, accounts, sessions, email_actions
        self._factors, self._trusted_devices, self._spent_challenges = factors, trusted_devices, spent_challenges
        self._email_sign_ins = email_sign_ins
        self._outbox, self._purge_account, self._leases, self._interval = outbox, purge_account, leases, interval

    def run(self) -> dict[str, int]:
        """All of it, now; how many of each kind were made gone. Several may run at once.

        `ChainBroken`, when all else is done, if an event that is due to go is not what was sealed.
        """
        return self._run(lambda: True, threading.Event())

    def run_if_due(self, stop: threading.Event) -> dict[str, int] | None:
        """The same, unless another process does it or did so within the interval; None then."""
        if not self._leases.acquire(TASK, self._clock.now(), self._until()):
            return None
        return self._run(lambda: self._leases.renew(TASK, self._until()), stop)

    def start(self, context: Context) -> BackgroundTask:
        """Check in a thread whether a run is due, until `stop()` of the task is called."""
        return BackgroundTask(TASK, self._run_batches, context, min(60.0, self._interval.total_seconds()))

    def _run_batches(self, stop: threading.Event) -> int:
        self.run_if_due(stop)
        return 0

    def _run(self, may_go_on: Callable[[], bool], stop: threading.Event) -> dict[str, int]:
        return {kind: _repeat(forget, may_go_on, stop) for kind, forget in self._kinds(self._clock.now())}

    def _kinds(self, now: datetime) -> Iterator[tuple[str, Callable[[], int]]]:
        yield "accounts", lambda: self._purge_accounts(now)
        if (kept := self._unverified_kept) is not None:
            yield "unverified_accounts", lambda: self._purge_unverified(now - kept, now)
        yield "sessions", lambda: self._sessions.delete_expired(now - SESSION_RETENTION, BATCH)
        yield "unconfirmed_factors", lambda: self._factors.delete_unconfirmed(now - ENROLMENT_TIME, BATCH)
        yield "trusted_devices", lambda: self._trusted_devices.delete_expired(now, BATCH)
        yield "spent_challenges", lambda: self._spent_challenges.delete_expired(now - CHALLENGE_RETENTION, BATCH)
        yield "email_actions", lambda: self._email_actions.delete_expired(now - ACTION_RETENTION, BATCH)
        yield "email_sign_ins", lambda: self._email_sign_ins.delete_expired(now, BATCH)
        yield "messages", lambda: self._outbox.delete_finished(now - MESSAGE_RETENTION, BATCH)
        if not self._sealer.enabled:
            yield "unsealed_events", lambda: self._sealer.purge_unsealed(now - self._events_kept)
        yield "events", lambda: self._purge_events(now - self._events_kept)

    def _purge_accounts(self, now: datetime) -> int:
        due = self._accounts.due_for_deletion(now, BATCH)
        # Each is repeated by itself: those before it are committed, and count.
        return sum(_with_retries(partial(self._purge_account, account, now)) for account in due)

    def _purge_unverified(self, before: datetime, now: datetime) -> int:
        old = self._unverified_accounts.created_before(before, BATCH)
        return sum(_with_retries(partial(self._purge_account.unverified, account, before, now)) for account in old)

    def _purge_events(self, before: datetime) -> int:
        head = self._chain_heads.read_trusted()
        with self._work as work:
            forgotten = self._sealer.purge(head, before)
            if forgotten:
                work.commit()
        return forgotten

    def _until(self) -> datetime:
        return self._clock.now() + self._interval


def _repeat(forget: Callable[[], int], may_go_on: Callable[[], bool], stop: threading.Event) -> int:
    """Delete batches until there are no more rows; how many were deleted."""
    total = 0
    while True:
        began = time.monotonic()
        count = _with_retries(forget)
        took = time.monotonic() - began
        total += count
        if not count or not may_go_on() or stop.wait(max(MIN_PAUSE_SECONDS, PAUSE_SHARE * took)):
            return total


def _with_retries(forget: Callable[[], int]) -> int:
    """Run a batch, again after a deadlock: that rolls back the whole batch, so it can be repeated."""
    for _ in range(ATTEMPTS - 1):
        try:
            return forget()
        except Unavailable as error:
            if not error.transient:
                raise
    return forget()
