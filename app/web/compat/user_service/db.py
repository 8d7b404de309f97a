"""`DB` and `User` of the exercise, backed by the accounts of the service. Use them within an app context."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlalchemy.exc import InvalidRequestError, NoResultFound

from app.current import auth
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import EmailTaken
from app.domain.tokens.links import LinkExpired, LinkInvalid, LinkUsed
from app.web.compat.caller import caller
from app.web.compat.service import in_service

MAX_HASH = 255
COLUMNS = ("id", "email", "hashed_password", "session_id", "reset_token")


@dataclass(frozen=True, slots=True)
class User:
    """An account. `session_id` and `reset_token` are the ones it was found by: an account may have many sessions."""

    __tablename__: ClassVar[str] = "users"
    __table__: ClassVar[Any]  # set by app/compat/user.py; nothing is stored in it

    id: Any
    email: str
    hashed_password: str = field(repr=False)
    session_id: str | None = field(default=None, repr=False)
    reset_token: str | None = field(default=None, repr=False)


@in_service
class DB:
    """Finds, adds and changes users."""

    def add_user(self, email: str, hashed_password: str | bytes) -> User:
        """Create a user with this password hash. Raises `ValueError` if the address has one."""
        try:
            return self._to_user(auth.compat.create(email, _checked_hash(_text(hashed_password)), caller()), {})
        except EmailTaken:
            raise ValueError(f"User {email} already exists") from None

    def find_user_by(self, **filters: Any) -> User:
        """The first user that matches all filters; raises `NoResultFound` or `InvalidRequestError` (wrong column)."""
        for name in filters.keys() - set(COLUMNS):
            raise InvalidRequestError(f"User has no column {name!r}")
        return self._to_user(self._find(filters), filters)

    def _find(self, filters: Mapping[str, Any]) -> AccountSnapshot:
        matches = [_accounts_by(name, value) for name, value in filters.items()] or [auth.compat.all()]
        in_all = set.intersection(*({account.id for account in accounts} for accounts in matches))
        for account in matches[0]:
            if account.id in in_all:
                return account
        raise NoResultFound("no matching user")

    def _to_user(self, account: AccountSnapshot, filters: Mapping[str, Any]) -> User:
        return User(
            account.id,
            account.email,
            account.password_hash or "",
            filters.get("session_id"),
            filters.get("reset_token"),
        )

    def update_user(self, user_id: object, **values: Any) -> None:
        """Change a user. Raises `ValueError` for an unknown attribute, or a session id or reset token other than None.

        A new password or address ends all sessions and revokes reset tokens. None for `session_id` ends the sessions,
        None for `reset_token` revokes the reset token.
        """
        for name in values.keys() - set(COLUMNS[1:]):
            raise ValueError(f"User has no attribute {name!r} to change")
        for name in ("session_id", "reset_token"):
            if values.get(name) is not None:
                raise ValueError(f"{name} is created by Auth and can only be set to None")
        for name, value in values.items():
            _change(self._find({"id": user_id}).id, name, value)


def _text(hashed_password: str | bytes) -> str:
    """The hash as text: `_hash_password` returns bytes."""
    return hashed_password.decode() if isinstance(hashed_password, bytes) else hashed_password


def _accounts_by(name: str, value: Any) -> list[AccountSnapshot]:
    if name == "hashed_password":
        return [account for account in auth.compat.all() if account.password_hash == _text(value)]
    if not isinstance(value, str):
        return []
    found = {
        "id": auth.compat.by_id,
        "email": auth.compat.by_email,
        "session_id": _by_session_id,
        "reset_token": _by_reset_token,
    }[name](value)
    return [found] if found else []


def _by_session_id(session_id: str) -> AccountSnapshot | None:
    identity = auth.compat.session(session_id)
    return identity.owner if identity else None


def _by_reset_token(token: str) -> AccountSnapshot | None:
    try:
        return auth.compat.by_reset_token(token)
    except (LinkInvalid, LinkExpired, LinkUsed):
        return None


def _change(user_id: str, name: str, value: Any) -> None:
    account = auth.compat.by_id(user_id)
    if account is None:
        raise NoResultFound("the user does not exist")
    if name == "session_id":
        auth.compat.end_sessions(account.id, caller())
    elif name == "reset_token":
        auth.compat.revoke_reset_token(account)
    elif not _replace(account, name, value):
        raise ValueError("the user was changed by another request; try again")


def _replace(account: AccountSnapshot, name: str, value: str) -> bool:
    if name == "hashed_password":
        return auth.compat.replace_password(account, _checked_hash(_text(value)), caller())
    try:
        return auth.compat.change_email(account, value, caller())
    except EmailTaken:
        raise ValueError(f"User {value} already exists") from None


def _checked_hash(hashed_password: str) -> str:
    if len(hashed_password) > MAX_HASH or not hashed_password.isprintable():
        raise ValueError(f"A hash must have at most {MAX_HASH} characters, and only printable ones")
    return hashed_password
