"""Administrators: there is always one who can sign in. Who decides that is the database, also in a race."""

from typing import Final

import sqlalchemy as sa

from app.core.database import db, table_of
from app.core.errors import Conflict
from app.domain.accounts.model import Account
from app.domain.accounts.roles import ADMIN

_columns: Final = table_of(Account).c
# `roles > ''` is for the index: few accounts have a role.
_is_one = sa.and_(
    _columns.roles > "",
    (" " + _columns.roles + " ").contains(f" {ADMIN} ", autoescape=True),
    _columns.disabled_at.is_(None),
    _columns.deletes_at.is_(None),
)
_all = sa.select(_columns.id).where(_is_one)


class LastAdmin(Conflict):
    """Without this account nobody could administer the others."""

    code = "last_admin"
    detail = "This is the last administrator who can sign in. Make somebody else one first."


class Administrators:
    """Knows who administers: whoever has the role, is not disabled and is not about to be deleted."""

    def require_another_admin(self, account_id: str) -> None:
        """Nothing, or `LastAdmin` if nobody would administer when this account no longer does.

        In a unit of work that holds no account yet, before it takes away the role, the access or the account. Whoever
        is left is held until the commit. READ COMMITTED alone would let two administrators remove each other, as each
        sees the other in place: here the second waits for the first, and then sees what it did. All take the rows in
        one order, so nobody deadlocks. Who was made one while we looked is not counted: we may refuse too much, never
        too little.
        """
        concerned = {account_id}
        if db.session.scalar(_all.where(_columns.id == account_id)):
            concerned.update(db.session.scalars(_all))
        rows = sa.select(_columns.id, _is_one).where(_columns.id.in_(concerned)).order_by(_columns.id)
        held = {row_id for row_id, is_one in db.session.execute(rows.with_for_update()) if is_one}
        if held == {account_id}:
            raise LastAdmin
