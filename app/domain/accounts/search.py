"""The directory: accounts as administrators look them up, newest first, a page at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from app.core.database import fetch_all, table_of
from app.core.pagination import InvalidCursor, Page, decode_cursor, encode_cursor
from app.domain.accounts.model import SNAPSHOT_COLUMNS, Account, AccountSnapshot, State

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TIME: Final = 2**53  # microseconds: the year 2255
_columns: Final = table_of(Account).c
_IN_STATE: Final = {
    "active": sa.and_(_columns.deletes_at.is_(None), _columns.disabled_at.is_(None)),
    "disabled": sa.and_(_columns.deletes_at.is_(None), _columns.disabled_at.is_not(None)),
    "deleting": _columns.deletes_at.is_not(None),
}


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which accounts to list: in a state, or with a text in address or name, literally; and from which cursor on."""

    search: str | None = None
    state: State | None = None
    after: str | None = None
    limit: int = 20


class AccountSearch:
    """Lists accounts. It walks an index on (created_at, id) until the page is full.

    A search looks into each account on its way, the whole table at worst: there is no index for the middle of a word.
    """

    def page(self, lookup: AccountQuery) -> Page[AccountSnapshot]:
        """One page, or `InvalidCursor`."""
        found = sa.select(*SNAPSHOT_COLUMNS).order_by(_columns.created_at.desc(), _columns.id.desc())
        if lookup.search:
            found = found.where(_contains(lookup.search))
        if lookup.state:
            found = found.where(_IN_STATE[lookup.state])
        if lookup.after:
            found = found.where(_after_cursor(lookup.after))
        accounts = [AccountSnapshot(*row) for row in fetch_all(found.limit(lookup.limit + 1))]
        more, accounts = len(accounts) > lookup.limit, accounts[: lookup.limit]
        return Page(accounts, _encode_cursor(accounts[-1]) if more else None)


def _contains(text: str) -> sa.ColumnElement[bool]:
    # As it was typed, and in lower case: SQLite's lower() knows ASCII alone, so either may be the one that fits.
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
    # Not as a comparison of pairs: MariaDB finds no index for one.
    older = sa.or_(_columns.created_at < moment, _columns.id < account_id)
    return sa.and_(_columns.created_at <= moment, older)


def _encode_cursor(account: AccountSnapshot) -> str:
    return encode_cursor((account.created_at - EPOCH) // timedelta(microseconds=1), account.id)
