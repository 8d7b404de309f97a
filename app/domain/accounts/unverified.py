"""Accounts of which no address was ever verified: they may be purged when they are old."""

from datetime import datetime

import sqlalchemy as sa

from app.core.database import db, execute_one, fetch_all, table_of
from app.domain.accounts.administrators import HAS_ADMIN_ROLE
from app.domain.accounts.model import SNAPSHOT_COLUMNS, Account, AccountSnapshot

_accounts = table_of(Account)
_columns = _accounts.c


class UnverifiedAccounts:
    """Finds and deletes them. Administrators and disabled accounts are spared: an operator cares about those."""

    def created_before(self, before: datetime, limit: int) -> list[AccountSnapshot]:
        """Up to `limit` accounts that have had no verified address since a time before this one, oldest first."""
        old = sa.select(*SNAPSHOT_COLUMNS).where(_is_old(before)).order_by(_columns.unverified_since).limit(limit)
        return [AccountSnapshot(*row) for row in fetch_all(old)]

    def purge(self, account_id: str, before: datetime) -> bool:
        """Delete such an account; False if its address has been verified meanwhile. Within a unit of work."""
        # Locked by its id first, as in `AccountStore.purge`. Verifying the address locks the same row.
        db.session.execute(sa.select(_columns.id).where(_columns.id == account_id).with_for_update())
        return execute_one(sa.delete(_accounts).where(_columns.id == account_id, _is_old(before)))


def _is_old(before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        _columns.unverified_since <= before,
        _columns.email_verified_at.is_(None),  # a process of an earlier version writes this one alone
        _columns.disabled_at.is_(None),
        sa.not_(HAS_ADMIN_ROLE),
    )
