"""Step: let an account go, with some days in which signing in keeps it."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.client_info import ClientInfo
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.administrators import Administrators
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import EmailActionStore
from app.domain.mail.outbox import Outbox
from app.flows.steps.purge_account import PurgeAccount
from app.flows.steps.require_administrator import Actor
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class ScheduleDeletion:
    """Ends every session now, and the account when `grace` is over."""

    work: UnitOfWork
    accounts: AccountStore
    administrators: Administrators
    email_actions: EmailActionStore
    outbox: Outbox
    journal: Journal
    revoke_access: RevokeAccess
    purge_account: PurgeAccount
    grace: timedelta

    def __call__(self, account: AccountSnapshot, now: datetime, client: ClientInfo, actor: Actor) -> None:
        """Schedule the deletion, or raise `LastAdmin`. An earlier date that is set already stays.

        While a change of address can be undone, the account stays: a thief may have moved it away and then deleted it.
        """
        with self.work as work:
            self.administrators.require_another_admin(account.id)
            undo = self.email_actions.find(account.id, Purpose.UNDO_EMAIL_CHANGE, now)
            final_at = max(now + self.grace, undo.expires_at if undo else now)
            if not self.accounts.schedule_deletion(account.id, final_at, now):
                return
            self.revoke_access(account.id, Cause.DELETED, now)
            self.journal.record(EventType.ACCOUNT_DELETION_SCHEDULED, client, now, account_id=account.id, **actor)
            about = {"final_at": final_at.isoformat(), "locale": account.locale or client.language}
            # These emails name no account: they must outlive one that is deleted at once.
            days = math.ceil((final_at - now) / timedelta(days=1))
            self.outbox.enqueue("account_deleted", now=now, address=account.email, days=days, **about)
            if undo is not None and undo.address is not None:
                about["undo_until"] = undo.expires_at.isoformat()
                self.outbox.enqueue("moved_account_deleted", now=now, address=undo.address, **about)
            work.commit()
        if final_at <= now:
            self.purge_account(account, now)
