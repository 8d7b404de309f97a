"""Claims: what administrators store about an account for your apps. Access tokens contain them."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.core.errors import Invalid

MAX_BYTES: Final = 1_024  # as compact JSON in UTF-8: an access token with them has to fit into a cookie
MAX_KEY: Final = 64  # characters
MAX_DEPTH: Final = 4  # the object itself is the first level
MAX_INTEGER: Final = 2**53 - 1  # the largest that every JSON parser keeps (RFC 7493, 2.2)
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class InvalidClaims(Invalid):
    """The claims are not an object, too large, too deep, or contain what a token cannot."""

    code = "invalid_claims"
    detail = (
        f"Give an object of at most {MAX_BYTES:,} bytes as compact JSON in UTF-8, with at most {MAX_DEPTH} levels, "
        f"keys of 1 to {MAX_KEY} characters, integers between -(2^53 - 1) and 2^53 - 1, and no NUL."
    )
    field = "claims"


def claims_text(claims: object) -> str | None:
    """The claims as they are stored, or None if there are none. Raises `InvalidClaims`."""
    if not isinstance(claims, Mapping) or not all(_is_valid(value, depth) for value, depth in _walk(claims, 1)):
        raise InvalidClaims
    try:
        text = _encode(claims)
        size = len(text.encode())  # fails for half of a surrogate pair
    except ValueError:
        raise InvalidClaims from None
    if size > MAX_BYTES:
        raise InvalidClaims(f"The claims have {size:,} bytes as compact JSON in UTF-8, and at most {MAX_BYTES:,} fit.")
    return text if claims else None


def stored_claims(text: str | None) -> dict[str, Any]:
    """The claims of a stored text; empty for None."""
    return dict(json.loads(text)) if text else {}


def _walk(value: object, depth: int) -> Iterator[tuple[object, int]]:
    """Each value with its depth; it goes no deeper than one level too many."""
    yield value, depth
    if depth > MAX_DEPTH:
        return
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for member in members:
        yield from _walk(member, depth + 1)


def _is_valid(value: object, depth: int) -> bool:
    match value:
        case Mapping():
            return depth <= MAX_DEPTH and all(
                isinstance(key, str) and 1 <= len(key) <= MAX_KEY and "\0" not in key for key in value
            )
        case list():
            return depth <= MAX_DEPTH
        case str():
            return "\0" not in value
        case bool() | None:
            return True
        case int():
            return abs(value) <= MAX_INTEGER
        case float():
            return math.isfinite(value)
    return False
