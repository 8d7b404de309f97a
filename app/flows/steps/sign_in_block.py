"""Step: what blocks sign-in to an account, even with the right credentials."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.accounts.model import AccountSnapshot


@dataclass(frozen=True, slots=True)
class SignInBlock:
    """What blocks every way to sign in. `require_verified`: an unconfirmed address does."""

    require_verified: bool

    def __call__(self, account: AccountSnapshot, now: datetime) -> str | None:
        """The reason; None if sign-in is allowed."""
        if account.disabled_at is not None:
            return "disabled"
        if account.deletes_at is not None and account.deletes_at <= now:
            return "deleted"
        # An unconfirmed address gets the same error as a wrong password. Another one would tell a stranger, who has
        # just signed up with the address and this password, that the address had no account before.
        return "email_not_verified" if self.require_verified and not account.email_verified else None
