"""Permissions: what the roles of an account allow in your apps, as the setting ROLE_PERMISSIONS says."""

import json
import re
from collections.abc import Mapping
from typing import Final

from app.domain.accounts.roles import is_role

MAX_BYTES: Final = 768  # of all permissions in an access token, which has to fit into a cookie
_PERMISSION = re.compile(r"[a-z0-9][a-z0-9._:/-]{0,63}")
RolePermissions = Mapping[str, frozenset[str]]


def parse_role_permissions(text: str) -> RolePermissions:
    """The permissions of each role, from `editor=articles.write articles.read; viewer=articles.read`.

    Raises `ValueError` for an invalid name, a role that is named twice, or permissions that together do not fit into
    an access token.
    """
    found: dict[str, frozenset[str]] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        role, equals, words = part.partition("=")
        role, permissions = role.strip(), words.split()
        if not equals or not permissions:
            raise ValueError(f"write `role=permission permission; role=permission`, not `{part[:80]}`")
        if not is_role(role):
            raise ValueError(f"`{role[:80]}` cannot be the name of a role: a lower-case letter, then a-z, 0-9, - or _")
        if role in found:
            raise ValueError(f"the role `{role}` is named twice")
        for permission in permissions:
            if not _PERMISSION.fullmatch(permission):
                raise ValueError(f"`{permission[:80]}` cannot be a permission: at most 64 of a-z, 0-9, . _ : / and -")
        found[role] = frozenset(permissions)
    size = len(json.dumps(sorted(frozenset().union(*found.values())), separators=(",", ":")))
    if size > MAX_BYTES:
        raise ValueError(f"all permissions together take {size} bytes in a token, and at most {MAX_BYTES} fit")
    return found


class Permissions:
    """Maps roles to permissions, in memory: no statement is needed, and a role that is not listed has none."""

    def __init__(self, of_roles: RolePermissions) -> None:
        self._of_roles = of_roles

    @property
    def are_set(self) -> bool:
        """Whether any role has permissions."""
        return bool(self._of_roles)

    def of(self, roles: list[str]) -> list[str]:
        """The permissions of an account with these roles, each once, sorted."""
        if not roles or not self._of_roles:
            return []
        nothing: frozenset[str] = frozenset()
        return sorted(nothing.union(*(self._of_roles.get(role, nothing) for role in roles)))
