"""Housekeeping: make gone what is over, in small batches, so that no table grows for ever."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.core.clock import Clock
from app.core.work import Work
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.head import HeadStore
from app.domain.audit.seal import Sealer
from app.domain.challenges.store import ChallengeStore
from app.domain.mail.outbox import Outbox
from app.domain.sessions.store import SessionStore
from app.flows.steps.erase_account import EraseAccount

BATCH: Final = 200
SESSIONS_KEPT: Final = timedelta(days=30)
LETTERS_KEPT: Final = timedelta(days=30)
CHALLENGES_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Erases accounts whose time has come, and forgets sessions, letters, challenges and events that are over."""

    work: Work
    clock: Clock
    accounts: AccountStore
    sessions: SessionStore[AccountSnapshot]
    challenges: ChallengeStore
    outbox: Outbox
    erase_account: EraseAccount
    heads: HeadStore
    sealer: Sealer
    events_kept: timedelta

    def run(self) -> dict[str, int]:
        """How many of each kind were made gone. Several may run at once.

        `ChainBroken`, when all else is done, if an event that is due to go is not what was sealed.
        """
        now = self.clock.now()
        due = self.accounts.due_for_deletion(now, BATCH)
        return {
            "accounts": sum(self.erase_account(account, now) for account in due),
            "sessions": self.sessions.forget(now - SESSIONS_KEPT),
            "challenges": self.challenges.forget_expired(now - CHALLENGES_KEPT),
            "letters": self.outbox.forget(now - LETTERS_KEPT),
            "events": self._forget_events(now - self.events_kept),
        }

    def _forget_events(self, before: datetime) -> int:
        forgotten = 0
        while batch := self._forget_batch(before):
            forgotten += batch
        return forgotten

    def _forget_batch(self, before: datetime) -> int:
        head = self.heads.trusted()
        with self.work as work:
            forgotten = self.sealer.forget(head, before)
            if forgotten:
                work.commit()
        return forgotten
