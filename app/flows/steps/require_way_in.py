"""Step: the last way to sign in to an account cannot be removed."""

from dataclasses import dataclass

from app.core.errors import Conflict
from app.domain.accounts.model import AccountSnapshot
from app.domain.identities.store import IdentityStore
from app.domain.passkeys.store import PasskeyStore


class LastWayIn(Conflict):
    """Without it, the account has nothing left to sign in with."""

    code = "last_way_in"
    detail = "You have no other way to sign in. Set a password, or add a passkey or another identity first."


@dataclass(frozen=True, slots=True)
class RequireWayIn:
    """What is left to sign in with. `by_email`: a confirmed address is a way in too."""

    passkeys: PasskeyStore
    identities: IdentityStore
    by_email: bool

    def __call__(self, account: AccountSnapshot) -> None:
        """Raises `LastWayIn`. Within a unit of work that has locked the account and removed something."""
        if account.has_password or (self.by_email and account.email_verified):
            return
        if not self.passkeys.count(account.id) and not self.identities.count(account.id):
            raise LastWayIn
