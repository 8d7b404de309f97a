"""Step: let an account go, with some days in which signing in keeps it."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.client_info import ClientInfo
from app.core.errors import Superseded
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.administrators import Administrators
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.store import UNDO_TIME, PendingEmailAction
from app.domain.email_actions.undos import UndoStore
from app.flows.steps.notify import Email, Notify
from app.flows.steps.purge_account import PurgeAccount
from app.flows.steps.require_administrator import Actor
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class ScheduleDeletion:
    """Ends every session now, and the account when `grace` is over."""

    work: UnitOfWork
    accounts: AccountStore
    administrators: Administrators
    undos: UndoStore
    notify: Notify
    journal: Journal
    revoke_access: RevokeAccess
    purge_account: PurgeAccount
    grace: timedelta

    def __call__(
        self, account: AccountSnapshot, now: datetime, client: ClientInfo, actor: Actor, *, by_owner: bool = False
    ) -> None:
        """Schedule the deletion, or raise `LastAdmin`. An earlier date that is set already stays.

        `by_owner`: `account` is as the session that asks was checked with. Raises `Superseded` if its credentials have
        changed since: "this was not me" cancels a deletion, so a thief's must not come after it.

        While a change of address can be undone, the account stays: a thief may have moved it away and then deleted it.
        """
        with self.work as work:
            self.administrators.require_another_admin(account.id)
            if by_owner and not self.accounts.lock_if_unchanged(account):
                raise Superseded
            undos = self.undos.pending(account.id, now)
            final_at = max([now + self.grace, *(_works_until(undo, now) for undo in undos)])
            if not self.accounts.schedule_deletion(account.id, final_at, now):
                return
            self.revoke_access(account.id, Cause.DELETED, now)
            self.journal.record(EventType.ACCOUNT_DELETION_SCHEDULED, client, now, account_id=account.id, **actor)
            self._notify(account, undos, final_at, now, client)
            work.commit()
        if final_at <= now:
            self.purge_account(account, now)

    def _notify(
        self,
        account: AccountSnapshot,
        undos: list[PendingEmailAction],
        final_at: datetime,
        now: datetime,
        client: ClientInfo,
    ) -> None:
        # These emails name no account: they must outlive one that is deleted at once.
        days, until, locale = math.ceil((final_at - now) / timedelta(days=1)), final_at.isoformat(), account.locale
        self.notify(Email.ACCOUNT_DELETED, account.email, client, now, locale=locale, days=days, final_at=until)
        for undo in undos:
            kind, undo_until = Email.MOVED_ACCOUNT_DELETED, _works_until(undo, now).isoformat()
            if undo.address is not None:
                self.notify(kind, undo.address, client, now, locale=locale, final_at=until, undo_until=undo_until)


def _works_until(undo: PendingEmailAction, now: datetime) -> datetime:
    # A link that is still to be sent works at least this long. If it is sent later, the purge is postponed.
    return undo.expires_at if undo.from_message else now + UNDO_TIME
