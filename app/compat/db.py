"""`db` of the user authentication service. Users get the ids 1, 2, 3 in the order in which this process sees them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import user

from app.web.compat.user_service import db

__all__ = ["DB"]

_seen: list[str] = []  # account ids; the position is the user id


class DB(db.DB):
    """Finds, adds and changes users."""

    def _find(self, filters: Mapping[str, Any]) -> Any:
        number = filters.get("id")
        if isinstance(number, int):
            exists = 0 < number <= len(_seen)
            filters = {**filters, "id": _seen[number - 1] if exists else None}
        return super()._find(filters)

    def _to_user(self, account: Any, filters: Mapping[str, Any]) -> user.User:
        if account.id not in _seen:
            _seen.append(account.id)
        return replace(super()._to_user(account, filters), id=_seen.index(account.id) + 1)
