"""Roles: words that say what an account may do. `admin` means something to us; all others only to the apps."""

import re
from collections.abc import Iterable
from typing import Final

from app.core.errors import Invalid

ADMIN: Final = "admin"
MAX_ROLES: Final = 10
MAX_LENGTH: Final = 255
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class InvalidRoles(Invalid):
    """Not names that a role can have, or too many."""

    code = "invalid_roles"
    detail = (
        f"Give at most {MAX_ROLES} roles, together at most {MAX_LENGTH} characters long. Each is a lower-case letter "
        "and up to 31 more letters, digits, - or _."
    )
    field = "roles"


def role_words(names: Iterable[str]) -> str:
    """The roles as they are kept, each once and in order, or `InvalidRoles`."""
    roles = sorted(set(names))
    words = " ".join(roles)
    if len(roles) > MAX_ROLES or len(words) > MAX_LENGTH or not all(map(_ROLE.fullmatch, roles)):
        raise InvalidRoles
    return words
