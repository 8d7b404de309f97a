"""Roles: words that say what an account may do. Only `admin` has a meaning here; apps define all others."""

import re
from collections.abc import Iterable
from typing import Final

from app.core.errors import Invalid

ADMIN: Final = "admin"
MAX_ROLES: Final = 10
MAX_LENGTH: Final = 255
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class InvalidRoles(Invalid):
    """A role has an invalid name, or there are too many roles."""

    code = "invalid_roles"
    detail = (
        f"Give at most {MAX_ROLES} roles, together at most {MAX_LENGTH} characters long. Each is a lower-case letter "
        "and up to 31 more letters, digits, - or _."
    )
    field = "roles"


def is_role(name: str) -> bool:
    """Whether this can be the name of a role."""
    return _ROLE.fullmatch(name) is not None


def role_words(names: Iterable[str]) -> str:
    """The roles as they are stored: each once, sorted, separated by spaces. Raises `InvalidRoles`."""
    roles = sorted(set(names))
    words = " ".join(roles)
    if len(roles) > MAX_ROLES or len(words) > MAX_LENGTH or not all(map(_ROLE.fullmatch, roles)):
        raise InvalidRoles
    return words
