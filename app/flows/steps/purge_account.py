"""Step: make an account that is due be gone everywhere."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import ChallengeStore
from app.domain.mail.outbox import Outbox


@dataclass(frozen=True, slots=True)
class EraseAccount:
    """Deletes the account and its rows; the journal keeps that something happened, and to nobody's name."""

    work: UnitOfWork
    accounts: AccountStore
    challenges: ChallengeStore
    outbox: Outbox
    journal: Journal

    def __call__(self, account: AccountSnapshot, now: datetime) -> bool:
        """True for the caller that did it; False if its owner came back in time, or another caller was faster.

        An account whose change of address can still be undone stays until that time is over: an email about it may
        have been sent late.
        """
        undo = self.challenges.find(account.id, Purpose.UNDO_EMAIL_CHANGE, now)
        with self.work as work:
            if undo is not None:
                self.accounts.postpone_deletion(account.id, undo.expires_at)
                work.commit()
                return False
            if not self.accounts.erase(account.id, now):
                return False
            self.outbox.forget_mailbox(account.email_canonical)
            self.journal.anonymise(account.id)
            self.journal.record(Tag.ACCOUNT_ERASED, ClientInfo(), now, account_id=None)
            work.commit()
        return True
