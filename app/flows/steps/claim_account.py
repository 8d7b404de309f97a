"""Step: the owner of a mailbox takes an account that somebody else opened with its address."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.identities.store import IdentityStore
from app.flows.steps.change_factors import ChangeFactors
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class ClaimAccount:
    """Locks everybody else out. Only for an account whose address was never confirmed."""

    accounts: AccountStore
    change_factors: ChangeFactors
    identities: IdentityStore
    revoke_access: RevokeAccess
    journal: Journal

    def __call__(self, account: AccountSnapshot, client: ClientInfo, now: datetime) -> None:
        """Remove the password, passkeys, identities and second factors, end every session, confirm the address.

        Within a unit of work that has locked the account's row.
        """
        self.accounts.invalidate_password(account.id, account.credentials_version, now, verified=True)
        self.change_factors.remove_all(account, now)
        self.identities.remove_all(account.id)
        self.revoke_access(account.id, Cause.CLAIMED, now)
        self.journal.record(EventType.ACCOUNT_CLAIMED, client, now, account_id=account.id)
