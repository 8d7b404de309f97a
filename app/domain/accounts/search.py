"""The list of accounts for administrators: newest first, with filters, in pages."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from app.core.database import db, fetch_all, fetch_one, table_of
from app.core.errors import SearchTooBroad
from app.core.pagination import InvalidCursor, Page, decode_cursor, encode_cursor
from app.core.searching import search
from app.domain.accounts.emails import InvalidEmail, parse_address
from app.domain.accounts.model import SNAPSHOT_COLUMNS, Account, AccountSnapshot, State

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TIME: Final = 2**53  # microseconds; the year 2255
AFTER_ALL: Final = "\x7f"  # is greater than every character of a canonical address
TOO_BROAD: Final = (
    "The search takes too long among so many accounts. Search for an id, a whole email address, or the beginning of "
    "one up to its @ or further."
)
ID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_columns: Final = table_of(Account).c
_IN_STATE: Final = {
    "active": sa.and_(_columns.deletes_at.is_(None), _columns.disabled_at.is_(None)),
    "disabled": sa.and_(_columns.deletes_at.is_(None), _columns.disabled_at.is_not(None)),
    "deleting": _columns.deletes_at.is_not(None),
}
MOST_COUNTED: Final = 100_000
_counted: Final = sa.select(sa.func.count()).select_from(
    sa.select(_columns.id).order_by(_columns.id).limit(MOST_COUNTED).subquery()
)
_exact: Final = sa.select(_columns.id).where(_columns.email_canonical == sa.bindparam("canonical"))


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which accounts to list. `search` is matched literally; `after` is a cursor."""

    search: str | None = None
    state: State | None = None
    after: str | None = None
    limit: int = 20


class AccountSearch:
    """Lists accounts.

    An id and the beginning of an address with its @ are found by an index. For other texts each account is examined
    until the page is full: no index finds the middle of a word.
    """

    def count(self) -> int:
        """How many accounts there are, at most `MOST_COUNTED`. Walks an index, so not for frequent requests."""
        row = fetch_one(_counted, {})
        return int(row[0]) if row else 0

    def page(self, query: AccountQuery) -> Page[AccountSnapshot]:
        """One page. Raises `InvalidCursor` or `SearchTooBroad`."""
        try:
            rows = (search if query.search or query.state else fetch_all)(select_page(query))
        except SearchTooBroad:
            raise SearchTooBroad(TOO_BROAD, field="search") from None
        accounts = [AccountSnapshot(*row) for row in rows]
        more, accounts = len(accounts) > query.limit, accounts[: query.limit]
        return Page(accounts, cursor_of(accounts[-1].created_at, accounts[-1].id) if more else None)


def select_page(query: AccountQuery) -> sa.Select[tuple[object, ...]]:
    """The statement for a page, with one account more than its limit."""
    found = sa.select(*SNAPSHOT_COLUMNS).order_by(_columns.created_at.desc(), _columns.id.desc())
    if query.search:
        found = found.where(_matches(query.search))
    if query.state:
        found = found.where(_IN_STATE[query.state])
    if query.after:
        found = found.where(after_cursor(query.after, _columns.created_at))
    return found.limit(query.limit + 1)


def _matches(text: str) -> sa.ColumnElement[bool]:
    if ID.fullmatch(text):
        return _columns.id == text.lower()
    if "@" not in text[1:] or not text.isascii():
        return _contains(text)
    try:
        row = fetch_one(_exact, {"canonical": parse_address(text).canonical})
    except InvalidEmail:
        row = None
    return _columns.id == row[0] if row else _starts_with(text.strip().casefold())


def _starts_with(text: str) -> sa.ColumnElement[bool]:
    address = _columns.email_canonical
    if db.engine.dialect.name == "postgresql":  # by bytes, whatever the collation, as the index is
        return sa.and_(address.op("~>=~")(text), address.op("~<~")(text + AFTER_ALL))
    return sa.and_(address >= text, address < text + AFTER_ALL)


def _contains(text: str) -> sa.ColumnElement[bool]:
    # As typed, and in lower case: SQLite's lower() changes ASCII only, so either comparison may be the one that fits.
    names = (_columns.first_name, _columns.last_name, _columns.first_name + " " + _columns.last_name)
    return sa.or_(
        _columns.email_canonical.contains(text.casefold(), autoescape=True),
        *(name.contains(text, autoescape=True) for name in names),
        *(sa.func.lower(name).contains(text.lower(), autoescape=True) for name in names),
    )


def after_cursor(cursor: str, column: sa.Column[datetime]) -> sa.ColumnElement[bool]:
    """Which accounts follow in a list that is ordered by `column` and id, newest first. Raises `InvalidCursor`."""
    microseconds, account_id = decode_cursor(cursor, int, str)
    if not isinstance(microseconds, int) or microseconds > MAX_TIME:
        raise InvalidCursor
    moment = EPOCH + timedelta(microseconds=microseconds)
    # Not as a comparison of pairs: MariaDB uses no index for one.
    older = sa.or_(column < moment, _columns.id < account_id)
    return sa.and_(column <= moment, older)


def cursor_of(moment: datetime, account_id: str) -> str:
    """The cursor of the page after this account."""
    return encode_cursor((moment - EPOCH) // timedelta(microseconds=1), account_id)
