"""The list of accounts for administrators: newest first, with filters, in pages."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from app.core.database import fetch_all, table_of
from app.core.pagination import InvalidCursor, Page, decode_cursor, encode_cursor
from app.domain.accounts.model import SNAPSHOT_COLUMNS, Account, AccountSnapshot, State

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TIME: Final = 2**53  # microseconds; the year 2255
_columns: Final = table_of(Account).c
_IN_STATE: Final = {
    "active": sa.and_(_columns.deletes_at.is_(None), _columns.disabled_at.is_(None)),
    "disabled": sa.and_(_columns.deletes_at.is_(None), _columns.disabled_at.is_not(None)),
    "deleting": _columns.deletes_at.is_not(None),
}


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which accounts to list. `search` is matched literally in address and names; `after` is a cursor."""

    search: str | None = None
    state: State | None = None
    after: str | None = None
    limit: int = 20


class AccountSearch:
    """Lists accounts by walking the index on (created_at, id) until the page is full.

    A search examines each account on the way, at worst the whole table: no index finds the middle of a word.
    """

    def page(self, query: AccountQuery) -> Page[AccountSnapshot]:
        """One page. Raises `InvalidCursor`."""
        found = sa.select(*SNAPSHOT_COLUMNS).order_by(_columns.created_at.desc(), _columns.id.desc())
        if query.search:
            found = found.where(_contains(query.search))
        if query.state:
            found = found.where(_IN_STATE[query.state])
        if query.after:
            found = found.where(_after_cursor(query.after))
        accounts = [AccountSnapshot(*row) for row in fetch_all(found.limit(query.limit + 1))]
        more, accounts = len(accounts) > query.limit, accounts[: query.limit]
        return Page(accounts, _encode_cursor(accounts[-1]) if more else None)


def _contains(text: str) -> sa.ColumnElement[bool]:
    # As typed, and in lower case: SQLite's lower() changes ASCII only, so either comparison may be the one that fits.
    names = (_columns.first_name, _columns.last_name, _columns.first_name + " " + _columns.last_name)
    return sa.or_(
        _columns.email_canonical.contains(text.casefold(), autoescape=True),
        *(name.contains(text, autoescape=True) for name in names),
        *(sa.func.lower(name).contains(text.lower(), autoescape=True) for name in names),
    )


def _after_cursor(cursor: str) -> sa.ColumnElement[bool]:
    microseconds, account_id = decode_cursor(cursor, int, str)
    if not isinstance(microseconds, int) or microseconds > MAX_TIME:
        raise InvalidCursor
    moment = EPOCH + timedelta(microseconds=microseconds)
    # Not as a comparison of pairs: MariaDB uses no index for one.
    older = sa.or_(_columns.created_at < moment, _columns.id < account_id)
    return sa.and_(_columns.created_at <= moment, older)


def _encode_cursor(account: AccountSnapshot) -> str:
    return encode_cursor((account.created_at - EPOCH) // timedelta(microseconds=1), account.id)
