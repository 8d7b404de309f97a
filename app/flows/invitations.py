"""Open invitations: administrators list, repeat and revoke them.

An invitation is open until its account has a way to sign in. `by` is an administrator who authenticated recently, or
None for an operator at a shell.
"""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.pagination import Page
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.invitations import InvitationAnswered, Invitations
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountDisabled, AccountStore
from app.domain.audit.journal import EventType, Journal
from app.flows.steps.notify import Email, Notify
from app.flows.steps.purge_account import PurgeAccount
from app.flows.steps.require_administrator import Administrator, RequireAdministrator
from app.flows.steps.require_open_sign_up import RequireOpenSignUp
from app.flows.steps.revoke_access import RevokeAccess


@dataclass(frozen=True, slots=True)
class OpenInvitations:
    """Looks after invitations that were not answered yet. Each change is in the journal, with who made it."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    invitations: Invitations
    require_administrator: RequireAdministrator
    require_open_sign_up: RequireOpenSignUp
    revoke_access: RevokeAccess
    purge_account: PurgeAccount
    notify: Notify
    journal: Journal

    def page(self, after: str | None, limit: int) -> Page[AccountSnapshot]:
        """Accounts with an open invitation, the newest first. Raises `InvalidCursor`."""
        return self.invitations.page(after, limit)

    def send_again(self, by: Administrator, account_id: str) -> None:
        """Send the invitation again. Its earlier link stops working at once.

        Raises `NoSuchAccount`, `InvitationAnswered`, `AccountDisabled` or `InvitationsClosed`.
        """
        actor, now = self.require_administrator(by), self.clock.now()
        self.require_open_sign_up.to_invite(by)
        with self.work as work:
            account = self.accounts.require_for_update(account_id)
            if not account.is_invited or account.deletes_at is not None:
                raise InvitationAnswered
            if account.disabled_at is not None:
                raise AccountDisabled
            self.revoke_access.of_reset_links(account_id)
            self.journal.record(EventType.ACCOUNT_INVITATION_SENT, ClientInfo(), now, account_id=account_id, **actor)
            self.notify(
                Email.INVITATION, account.email, ClientInfo(), now, account_id=account_id, locale=account.locale
            )
            work.commit()

    def revoke(self, by: Administrator, account_id: str) -> None:
        """Delete the account, which was never used, and with it the link.

        Of an answer and a revocation at the same moment exactly one succeeds. Raises `NoSuchAccount` or
        `InvitationAnswered`.
        """
        actor, now = self.require_administrator(by), self.clock.now()
        with self.work as work:
            account = self.accounts.require_for_update(account_id)
            self.invitations.revoke(account_id)
            self.purge_account.remove_traces(account)
            self.journal.record(EventType.ACCOUNT_INVITATION_REVOKED, ClientInfo(), now, account_id=account_id, **actor)
            work.commit()
