"""Step: make an account that is due be gone everywhere."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.accounts.unverified import UnverifiedAccounts
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.undos import UndoStore
from app.domain.mail.outbox import Outbox


@dataclass(frozen=True, slots=True)
class PurgeAccount:
    """Deletes the account and its rows. Its events stay in the journal, without personal data."""

    work: UnitOfWork
    accounts: AccountStore
    unverified_accounts: UnverifiedAccounts
    undos: UndoStore
    outbox: Outbox
    journal: Journal

    def __call__(self, account: AccountSnapshot, now: datetime) -> bool:
        """True for the caller that did it; False if its owner came back in time, or another caller was faster.

        An account whose changes of address can still be undone stays until that time is over: an email about one may
        have been sent late, or wait.
        """
        undos = self.undos.pending(account.id, now)
        with self.work as work:
            if undos:
                self.accounts.postpone_deletion(account.id, max(undo.expires_at for undo in undos))
                work.commit()
                return False
            if not self.accounts.purge(account.id, now):
                return False
            self.remove_traces(account)
            self.journal.record(EventType.ACCOUNT_DELETED, ClientInfo(), now, account_id=None)
            work.commit()
        return True

    def unverified(self, account: AccountSnapshot, before: datetime, now: datetime) -> bool:
        """The same for an account that has had no verified address since before a time."""
        if self.undos.pending(account.id, now):
            return False
        with self.work as work:
            if not self.unverified_accounts.purge(account.id, before):
                return False
            self.remove_traces(account)
            self.journal.record(EventType.ACCOUNT_DELETED, ClientInfo(), now, account_id=None, cause="unverified")
            work.commit()
        return True

    def remove_traces(self, account: AccountSnapshot) -> None:
        """Delete the messages to the account, and remove the personal data from its events. Within a unit of work."""
        self.outbox.delete_mailbox(account.email_canonical)
        self.journal.anonymise(account.id)
