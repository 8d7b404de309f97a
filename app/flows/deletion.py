"""Deletion: an owner's leave, with some days to think again, and then gone everywhere."""

from dataclasses import dataclass
from datetime import timedelta

from app.core.clock import Clock
from app.core.origin import Origin
from app.core.work import Work
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.challenges.model import Purpose
from app.domain.challenges.store import ChallengeStore
from app.domain.mail.outbox import Outbox
from app.domain.sessions.model import OwnedSession
from app.domain.sessions.store import SessionStore
from app.flows.steps.erase_account import EraseAccount
from app.flows.steps.require_fresh import RequireFresh


@dataclass(frozen=True, slots=True)
class Deletion:
    """Lets an owner delete their account. Signing in within `grace` takes it back."""

    work: Work
    clock: Clock
    accounts: AccountStore
    sessions: SessionStore[AccountSnapshot]
    challenges: ChallengeStore
    outbox: Outbox
    journal: Journal
    require_fresh: RequireFresh
    erase_account: EraseAccount
    grace: timedelta

    def request(self, identity: OwnedSession[AccountSnapshot], password: str, origin: Origin) -> None:
        """End every session now and the account when the grace is over. The password is needed, however fresh."""
        account, now = identity.owner, self.clock.now()
        self.require_fresh(identity, password, origin)
        final_at = now + self.grace
        with self.work as work:
            self.accounts.delete_at(account.id, final_at, now)
            self.sessions.end_all(account.id, now)
            self.challenges.void(account.id, list(Purpose))
            self.journal.record(Tag.ACCOUNT_DELETION_ASKED, origin, now, account_id=account.id)
            # The letter names no account: it must outlive one that is gone at once.
            self.outbox.queue(
                "account_deleted", now=now, address=account.email, locale=account.locale or origin.language,
                final_at=final_at.isoformat(), days=self.grace.days,
            )  # fmt: skip
            work.commit()
        if not self.grace:
            self.erase_account(account, now)
