"""Step: replace a password without the old one."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import EmailActionStore, PendingEmailAction
from app.flows.steps.notify import Email, Notify
from app.flows.steps.remove_credentials import RemoveCredentials
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class ReplacePassword:
    """Sets the password, ends every session, notifies the owner."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    email_actions: EmailActionStore
    remove_credentials: RemoveCredentials
    revoke_access: RevokeAccess
    notify: Notify
    journal: Journal

    def __call__(
        self,
        account: AccountSnapshot,
        password_hash: str | None,
        client: ClientInfo,
        action: PendingEmailAction | None = None,
    ) -> bool:
        """True if it was replaced; False if the credentials changed, or the email action was consumed, meanwhile."""
        now, by_email = self.clock.now(), action is not None and action.from_message
        with self.work as work:
            if not self.accounts.set_password(account, password_hash, now, verified=by_email):
                return False
            if action is not None and not self.email_actions.consume(action, Purpose.RESET_PASSWORD):
                return False
            if by_email and not account.email_verified:
                # A stranger may have opened the account with this address and a passkey or identity of their own.
                self.remove_credentials(account.id)
            self.revoke_access(account.id, Cause.PASSWORD_RESET, now)
            self.journal.record(EventType.PASSWORD_RESET, client, now, account_id=account.id)
            self.notify(Email.PASSWORD_CHANGED, account.email, client, now, account_id=account.id)
            work.commit()
        return True
