"""The profile: what an owner says about themselves."""

from dataclasses import dataclass, replace

from app.core.clock import Clock
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.permissions import Permissions
from app.domain.accounts.store import AccountStore


@dataclass(frozen=True, slots=True)
class Profile:
    """Changes names and language, and says what an account may do."""

    clock: Clock
    accounts: AccountStore
    permissions: Permissions

    def permissions_of(self, roles: list[str]) -> list[str]:
        """The permissions of an account with these roles, sorted; without a statement."""
        return self.permissions.of(roles)

    def update(self, account: AccountSnapshot, changes: dict[str, str | None]) -> AccountSnapshot:
        """The account with `first_name`, `last_name` or `locale` changed as given; the rest stays."""
        if not changes:
            return account
        now = self.clock.now()
        self.accounts.update(account.id, changes, now)
        return replace(account, updated_at=now, **changes)  # type: ignore[arg-type]
