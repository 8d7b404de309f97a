"""Account recovery by the link "This was not me", which every security email has."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.tokens.links import Links, LinkUsed
from app.flows.steps.compose_email import SECURE_ACCOUNT_TIME
from app.flows.steps.notify import Notify
from app.flows.steps.remove_credentials import RemoveCredentials
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class AccountRecovery:
    """Takes an account back from a stranger."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    remove_credentials: RemoveCredentials
    revoke_access: RevokeAccess
    links: Links
    notify: Notify
    journal: Journal

    def check(self, token: str) -> None:
        """Raise the error of a recovery link. Changes nothing."""
        account_id, version = self.links.open(Purpose.SECURE_ACCOUNT, token)
        account = self.accounts.by_id(account_id)
        if account is None or account.credentials_version != version:
            raise LinkUsed

    def secure(self, token: str, client: ClientInfo) -> None:
        """End all sessions, cancel pending changes, remove the password and new passkeys, and start a reset.

        Passkeys that were added while the link lived are removed. A second factor stays: access to a mailbox must not
        be enough to remove it (ASVS 6.4.3).

        The link is signed for one version of the credentials, so it works once. Raises `LinkUsed` after that.
        """
        account_id, version = self.links.open(Purpose.SECURE_ACCOUNT, token)
        account, now = self.accounts.by_id(account_id), self.clock.now()
        with self.work as work:
            if account is None or not self.accounts.invalidate_password(account_id, version, now):
                raise LinkUsed
            self.remove_credentials(account_id, since=now - SECURE_ACCOUNT_TIME)
            self.revoke_access(account_id, Cause.SECURED, now)
            self.notify.start_reset(account.email, client, now)
            self.journal.record(EventType.ACCOUNT_SECURED, client, now, account_id=account_id)
            work.commit()
