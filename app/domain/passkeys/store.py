"""Stores passkeys."""

from datetime import datetime

import sqlalchemy as sa

from app.core.database import db, fetch_one, table_of
from app.domain.passkeys.model import Passkey

_passkeys = table_of(Passkey)
_any = sa.select(_passkeys.c.id).where(_passkeys.c.account_id == sa.bindparam("account_id")).limit(1)


class PasskeyStore:
    """Adds, finds, uses and removes the passkeys of accounts."""

    def has_any(self, account_id: str) -> bool:
        """Whether the account has a passkey. Reads outside transactions."""
        return fetch_one(_any, {"account_id": account_id}) is not None

    def remove_all(self, account_id: str, *, since: datetime | None = None) -> None:
        """Remove the passkeys of the account, or those added since a moment.

        Within a unit of work that has locked the account.
        """
        statement = sa.delete(_passkeys).where(_passkeys.c.account_id == account_id)
        db.session.execute(statement.where(_passkeys.c.created_at >= since) if since else statement)
