"""Pages: a long list in parts, each of which says where the next one begins.

A cursor names a place between two rows, not a number of rows, so rows that come or go meanwhile move nobody: what was
there at the start and still is gets listed once.
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
    """Not a cursor that a page gave."""

    code = "invalid_cursor"
    detail = "This is no cursor of this list. Take the `next` of the page before, as it is."
    field = "after"


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of the items, and the cursor of those after them, or None at the end."""

    items: list[Item]
    next: str | None


def encode_cursor(*place: int | str) -> str:
    """The cursor of a place. Opaque to clients, and no secret: a forged one names another place in the same list."""
    return base64url.encode(json.dumps(place).encode())


def decode_cursor(cursor: str, *types: type) -> list[int | str]:
    """The place of a cursor, its parts of these types and its numbers small enough to be asked for; `InvalidCursor`."""
    try:
        place = json.loads(base64url.decode(cursor))
    except (ValueError, RecursionError):
        raise InvalidCursor from None
    if not isinstance(place, list) or [type(part) for part in place] != list(types) or not all(map(_in_range, place)):
        raise InvalidCursor
    return place


def paginate_by_id(read: Callable[[int, int], list[Any]], after: str | None, limit: int) -> Page[Any]:
    """A page of rows by their `id`, where `read(before, most)` gives the newest with an id below; `InvalidCursor`."""
    before = MAX_ID if after is None else int(decode_cursor(after, int)[0])
    rows = read(before, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    return Page(rows, encode_cursor(rows[-1].id) if more else None)


def _in_range(part: int | str) -> bool:
    return 0 <= part <= MAX_ID if isinstance(part, int) else part.isascii() and part.isprintable()
