"""Export: everything we keep about an account, for its owner."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.clock import Clock
from app.domain.accounts.model import AccountSnapshot

Exporter = Callable[[AccountSnapshot], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Export:
    """Exports the data of an account. `exporters` has one function for each table that refers to accounts."""

    clock: Clock
    exporters: Mapping[str, Exporter]

    def of(self, account: AccountSnapshot) -> dict[str, Any]:
        """All data of the account, as plain values. The password hash is left out."""
        return {
            "exported_at": self.clock.now(),
            "account": {
                "id": account.id,
                "email": account.email,
                "email_verified_at": account.email_verified_at,
                "first_name": account.first_name,
                "last_name": account.last_name,
                "locale": account.locale,
                "roles": account.roles,
                "claims": account.claims,
                "invited_at": account.invited_at,
                "created_at": account.created_at,
                "updated_at": account.updated_at,
                "deletes_at": account.deletes_at,
            },
            **{name: kept(account) for name, kept in self.exporters.items()},
        }
