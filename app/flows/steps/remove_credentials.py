"""Step: remove passkeys and identities, with which a stranger may have kept a way into an account."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.identities.store import IdentityStore
from app.domain.passkeys.store import PasskeyStore


@dataclass(frozen=True, slots=True)
class RemoveCredentials:
    """Removes what an account can sign in with besides its password and its mailbox."""

    passkeys: PasskeyStore
    identities: IdentityStore

    def __call__(self, account_id: str, *, since: datetime | None = None) -> None:
        """Remove all, or those added since a moment. Within a unit of work that has locked the account's row.

        Second factors stay: access to a mailbox must not be enough to remove one (ASVS 6.4.3).
        """
        self.passkeys.remove_all(account_id, since=since)
        self.identities.remove_all(account_id, since=since)
