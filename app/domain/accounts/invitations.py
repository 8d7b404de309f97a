"""Open invitations: accounts whose owner was invited and has no way to sign in yet."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from app.core.database import db, execute_one, fetch_all, table_of
from app.core.errors import Conflict
from app.core.pagination import Page
from app.domain.accounts.model import SNAPSHOT_COLUMNS, Account, AccountSnapshot
from app.domain.accounts.search import EPOCH, after_cursor, cursor_of
from app.domain.accounts.store import verified_columns

_accounts = table_of(Account)
_columns: Final = _accounts.c
# A process of an earlier version, which still runs during an upgrade, sets a password and leaves `invited_at`.
IS_OPEN: Final = sa.and_(_columns.invited_at.is_not(None), _columns.password_hash.is_(None))


class InvitationAnswered(Conflict):
    """The owner of the account can sign in already, or was never invited."""

    code = "invitation_answered"
    detail = "This account has no open invitation: its owner can sign in already, or was not invited."


class Invitations:
    """Lists, answers and revokes them. One conditional statement decides between an answer and a revocation."""

    def page(self, after: str | None, limit: int) -> Page[AccountSnapshot]:
        """The accounts with an open invitation that are not being deleted, newest invitation first.

        Raises `InvalidCursor`.
        """
        rows = fetch_all(select_invited(after, limit))
        accounts = [AccountSnapshot(*row) for row in rows]
        more, accounts = len(accounts) > limit, accounts[:limit]
        last = accounts[-1] if more else None
        return Page(accounts, cursor_of(last.invited_at or last.created_at, last.id) if last else None)

    def answer(self, account: AccountSnapshot, now: datetime, *, verified: bool) -> bool:
        """Mark the invitation as answered; False if it is not open, the account is disabled, or changed meanwhile.

        `verified`: the owner has just shown that they receive emails at the address. Within a unit of work.
        """
        values: dict[str, object] = {"invited_at": None, "updated_at": now}
        if verified:
            values |= verified_columns(sa.func.coalesce(_columns.email_verified_at, now))
        same = (
            _columns.id == account.id,
            _columns.credentials_version == account.credentials_version,
            _columns.disabled_at.is_(None),
            IS_OPEN,
        )
        return execute_one(sa.update(_accounts).where(*same).values(values))

    def close(self, account_id: str) -> None:
        """Mark the invitation as answered, if there is one: the owner has just signed in. Within a unit of work."""
        db.session.execute(sa.update(_accounts).where(_columns.id == account_id).values(invited_at=None))

    def revoke(self, account_id: str) -> None:
        """Delete the account. Raises `InvitationAnswered` if its invitation is not open. Within a unit of work that
        has locked the account.
        """
        if not execute_one(sa.delete(_accounts).where(_columns.id == account_id, IS_OPEN)):
            raise InvitationAnswered


def select_invited(after: str | None, limit: int) -> sa.Select[tuple[object, ...]]:
    """The statement for a page, with one account more than its limit."""
    # After the epoch are all of them; the comparison lets PostgreSQL read a range of the index.
    found = sa.select(*SNAPSHOT_COLUMNS).where(IS_OPEN, _columns.invited_at > EPOCH, _columns.deletes_at.is_(None))
    if after:
        found = found.where(after_cursor(after, _columns.invited_at))
    return found.order_by(_columns.invited_at.desc(), _columns.id.desc()).limit(limit + 1)
