"""Administrators: at least one who can sign in is always left. Row locks guarantee it, also in a race."""

from typing import Final

import sqlalchemy as sa

from app.core.database import db, table_of
from app.core.errors import Conflict
from app.domain.accounts.model import Account
from app.domain.accounts.roles import ADMIN

_columns: Final = table_of(Account).c
# `roles > ''` lets the index be used: few accounts have a role.
HAS_ADMIN_ROLE: Final = (" " + _columns.roles + " ").contains(f" {ADMIN} ", autoescape=True)
_is_active_admin = sa.and_(
    _columns.roles > "",
    HAS_ADMIN_ROLE,
    _columns.disabled_at.is_(None),
    _columns.deletes_at.is_(None),
    sa.or_(_columns.invited_at.is_(None), _columns.password_hash.is_not(None)),  # no open invitation
)
_active_admins = sa.select(_columns.id).where(_is_active_admin)


class LastAdmin(Conflict):
    """No administrator who can sign in would be left."""

    code = "last_admin"
    detail = "This is the last administrator who can sign in. Give another account the role `admin` first."


class Administrators:
    """Accounts that have the role `admin`, are not disabled or scheduled for deletion, and have no open invitation."""

    def require_another_admin(self, account_id: str) -> None:
        """Raises `LastAdmin` if this account is the last active administrator.

        Call it within a unit of work that has locked no account yet, before the role is removed or the account is
        disabled or deleted. The rows of the other administrators are locked until the commit. READ COMMITTED alone
        would let two administrators remove each other, because each still sees the other: here the second waits for
        the first, and then sees its change. All callers lock in the order of the ids, so they do not deadlock. An
        account that becomes an administrator during the check is not counted: the check may reject too much, never
        too little.
        """
        ids = {account_id}
        if db.session.scalar(_active_admins.where(_columns.id == account_id)):
            ids.update(db.session.scalars(_active_admins))
        rows = sa.select(_columns.id, _is_active_admin).where(_columns.id.in_(ids)).order_by(_columns.id)
        locked = {row_id for row_id, is_active in db.session.execute(rows.with_for_update()) if is_active}
        if locked == {account_id}:
            raise LastAdmin
