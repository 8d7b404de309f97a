"""`User` of the exercises, backed by the accounts of the service."""

import uuid
from datetime import UTC, datetime
from typing import Any, Self

from app.current import auth
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import EmailTaken
from app.web.compat.caller import caller
from app.web.compat.service import service_context

WITHOUT_DOMAIN = "@example.com"  # never receives email (RFC 2606)


class User:
    """A user. `save` writes it to the account with the same id."""

    def __init__(self, *_: object, **values: Any) -> None:
        now = datetime.now(UTC)
        self.id: str = values.get("id") or str(uuid.uuid4())
        self.created_at: datetime = values.get("created_at") or now
        self.updated_at: datetime = values.get("updated_at") or now
        self.email: str | None = values.get("email")
        self.first_name: str | None = values.get("first_name")
        self.last_name: str | None = values.get("last_name")
        self._hash: str | None = values.get("hashed_password")
        if "password" in values:
            self.password = values["password"]

    @classmethod
    def of(cls, account: AccountSnapshot) -> Self:
        """The user of an account."""
        return cls(
            id=account.id,
            email=account.email,
            first_name=account.first_name,
            last_name=account.last_name,
            created_at=account.created_at,
            updated_at=account.updated_at,
            hashed_password=account.password_hash,
        )

    @property
    def password(self) -> str | None:
        """The hash of the password."""
        return self._hash

    @password.setter
    @service_context()
    def password(self, password: object) -> None:
        self._hash = auth.compat.plain_hash(password) if isinstance(password, str) else None

    @service_context()
    def is_valid_password(self, password: object) -> bool:
        """Whether the password is correct."""
        return isinstance(password, str) and self._hash is not None and auth.compat.matches(password, self._hash)

    def display_name(self) -> str:
        """First and last name, or the email address if there are none."""
        return " ".join(filter(None, (self.first_name, self.last_name))) or self.email or ""

    def to_json(self) -> dict[str, Any]:
        """The user as in responses of the API."""
        names = {"email": self.email, "first_name": self.first_name, "last_name": self.last_name}
        times = {name: f"{getattr(self, name):%Y-%m-%d %H:%M:%S}" for name in ("created_at", "updated_at")}
        return dict(sorted({"id": self.id, **names, **times}.items()))

    @service_context()
    def save(self) -> None:
        """Update the account with this id or email address, or create one. The user takes the id of the account."""
        email, password_hash = address_of(self.email), self._hash or None
        account = auth.compat.by_id(self.id) or auth.compat.by_email(email)
        if account is None:
            account = _create(email, password_hash, self.id)
        if account.email != email and not auth.compat.change_email(account, email, caller()):
            raise ValueError("the user was changed by another request; try again")
        account = auth.compat.by_id(account.id) or account
        if account.password_hash != password_hash:
            auth.compat.replace_password(account, password_hash, caller())
        auth.profile.update(account, {"first_name": self.first_name, "last_name": self.last_name})
        self.id, self.created_at = account.id, account.created_at

    @service_context()
    def remove(self) -> None:
        """Delete the account."""
        account = auth.compat.by_id(self.id)
        if account is not None:
            auth.compat.purge(account)

    @classmethod
    @service_context()
    def get(cls, user_id: object) -> Self | None:
        """The user with this id."""
        account = auth.compat.by_id(user_id) if isinstance(user_id, str) else None
        return cls.of(account) if account else None

    @classmethod
    @service_context()
    def all(cls) -> list[Self]:
        """The first thousand users, oldest first."""
        return [cls.of(account) for account in auth.compat.all()]

    @classmethod
    def count(cls) -> int:
        """The number of users in `all`."""
        return len(cls.all())

    @classmethod
    @service_context()
    def search(cls, attributes: dict[str, Any] | None = None) -> list[Self]:
        """The users with all these attributes."""
        conditions = dict(attributes or {})
        users = cls.all()
        if "email" in conditions:
            account = auth.compat.by_email(address_of(conditions.pop("email")))
            users = [cls.of(account)] if account else []
        return [user for user in users if all(getattr(user, name, None) == value for name, value in conditions.items())]


def address_of(email: object) -> str:
    """A valid email address for a user, whose email may be any text."""
    text = email if isinstance(email, str) else ""
    return text if "@" in text else text + WITHOUT_DOMAIN


def _create(email: str, password_hash: str | None, account_id: str) -> AccountSnapshot:
    try:
        return auth.compat.create(email, password_hash, caller(), account_id)
    except EmailTaken:
        raise ValueError(f"User {email} already exists") from None
