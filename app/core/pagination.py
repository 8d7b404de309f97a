"""Keyset pagination.

A cursor is a position between two rows, not an offset. Rows that are added or deleted meanwhile shift nothing: each row
that exists from start to end is listed exactly once.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from app.core import base64url
from app.core.errors import Invalid

Item = TypeVar("Item")
MAX_ID: Final = 2**63 - 1
MAX_CURSOR: Final = 200


class InvalidCursor(Invalid):
    """The cursor was not returned by a previous page."""

    code = "invalid_cursor"
    detail = "Invalid cursor. Pass the `next` value of the previous page unchanged."
    field = "after"


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of the items, and the cursor of the next page; None on the last one."""

    items: list[Item]
    next: str | None


def encode_cursor(*place: int | str) -> str:
    """Encode a position. Not secret and not signed: a forged one is another position in the same list."""
    return base64url.encode(json.dumps(place).encode())


def decode_cursor(cursor: str, *types: type) -> list[int | str]:
    """Decode a position with parts of these `types`. Raises `InvalidCursor` for any other text."""
    try:
        place = json.loads(base64url.decode(cursor))
    except (ValueError, RecursionError):
        raise InvalidCursor from None
    if not isinstance(place, list) or [type(part) for part in place] != list(types) or not all(map(_in_range, place)):
        raise InvalidCursor
    return place


def paginate_by_id(read: Callable[[int, int], list[Any]], after: str | None, limit: int) -> Page[Any]:
    """A page of rows, newest first. Raises `InvalidCursor`.

    `read(before, most)` returns up to `most` rows with an `id` below `before`, newest first.
    """
    before = MAX_ID if after is None else int(decode_cursor(after, int)[0])
    rows = read(before, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    return Page(rows, encode_cursor(rows[-1].id) if more else None)


def _in_range(part: int | str) -> bool:
    return 0 <= part <= MAX_ID if isinstance(part, int) else part.isascii() and part.isprintable()
