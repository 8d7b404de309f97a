"""Step: let an account go, with some days in which signing in keeps it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.origin import Origin
from app.core.work import Work
from app.domain.accounts.administrators import Administrators
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.challenges.model import Purpose
from app.domain.challenges.store import ChallengeStore
from app.domain.mail.outbox import Outbox
from app.domain.sessions.store import SessionStore
from app.flows.steps.erase_account import EraseAccount
from app.flows.steps.require_administrator import Actor


@dataclass(frozen=True, slots=True)
class DeleteAccount:
    """Ends every session now, and the account when `grace` is over."""

    work: Work
    accounts: AccountStore
    administrators: Administrators
    sessions: SessionStore[AccountSnapshot]
    challenges: ChallengeStore
    outbox: Outbox
    journal: Journal
    erase_account: EraseAccount
    grace: timedelta

    def __call__(self, account: AccountSnapshot, now: datetime, origin: Origin, actor: Actor) -> None:
        """Nothing, or `LastAdmin`. An account that is about to go stays so."""
        final_at = now + self.grace
        with self.work as work:
            self.administrators.require_another(account.id)
            if not self.accounts.delete_at(account.id, final_at, now):
                return
            self.sessions.end_all(account.id, now)
            self.challenges.void(account.id, list(Purpose))
            self.journal.record(Tag.ACCOUNT_DELETION_ASKED, origin, now, account_id=account.id, **actor)
            # The letter names no account: it must outlive one that is gone at once.
            self.outbox.queue(
                "account_deleted", now=now, address=account.email, locale=account.locale or origin.language,
                final_at=final_at.isoformat(), days=self.grace.days,
            )  # fmt: skip
            work.commit()
        if not self.grace:
            self.erase_account(account, now)
