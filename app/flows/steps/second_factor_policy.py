"""Step: which accounts must have a second factor, and at which level they act."""

from dataclasses import dataclass
from typing import Literal

from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.roles import ADMIN

Rule = Literal["optional", "administrators", "everybody"]


@dataclass(frozen=True, slots=True)
class SecondFactorPolicy:
    """The setting SECOND_FACTOR. An account that has a second factor is always asked for it."""

    rule: Rule

    def demands(self, account: AccountSnapshot) -> bool:
        """Whether the account must have a second factor."""
        return self.rule == "everybody" or (self.rule == "administrators" and ADMIN in account.roles)

    def level_of(self, account: AccountSnapshot) -> int:
        """The level (1 or 2) that a session of the account needs for sensitive actions."""
        return 2 if account.has_second_factor or self.demands(account) else 1
