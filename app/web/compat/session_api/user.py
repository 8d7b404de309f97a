"""`User` as the exercises name it, over the accounts of the service."""

import uuid
from datetime import UTC, datetime
from typing import Any, Self

from app.current import auth
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import EmailTaken
from app.web.compat.caller import caller
from app.web.compat.service import service_context

WITHOUT_DOMAIN = "@example.com"  # no email goes there (RFC 2606)


class User:
    """A user, whom `save` writes to the account with the same id."""

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
        """The hash of the password that was set."""
        return self._hash

    @password.setter
    @service_context()
    def password(self, password: object) -> None:
        self._hash = auth.compat.plain_hash(password) if isinstance(password, str) else None

    @service_context()
    def is_valid_password(self, password: object) -> bool:
        """Whether this is the password of the user."""
        return isinstance(password, str) and self._hash is not None and auth.compat.matches(password, self._hash)

    def display_name(self) -> str:
        """The names there are, else the email address."""
        return " ".join(filter(None, (self.first_name, self.last_name))) or self.email or ""

    def to_json(self) -> dict[str, Any]:
        """What the API shows of a user."""
        names = {"email": self.email, "first_name": self.first_name, "last_name": self.last_name}
        times = {name: f"{getattr(self, name):%Y-%m-%d %H:%M:%S}" for name in ("created_at", "updated_at")}
        return dict(sorted({"id": self.id, **names, **times}.items()))

    @service_context()
    def save(self) -> None:
        """Write the user to the account with its id, or with its email address, whose id it then takes; or open one."""
        email, password_hash = address_of(self.email), self._hash or None
        account = auth.compat.by_id(self.id) or auth.compat.by_email(email)
        if account is None:
            account = _opened(email, password_hash, self.id)
        if account.email != email and not auth.compat.change_email(account, email, caller()):
            raise ValueError("the user was changed by somebody else at this moment")
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
        """The first thousand users, the oldest first."""
        return [cls.of(account) for account in auth.compat.all()]

    @classmethod
    def count(cls) -> int:
        """How many of those there are."""
        return len(cls.all())

    @classmethod
    @service_context()
    def search(cls, attributes: dict[str, Any] | None = None) -> list[Self]:
        """The users that have all these attributes."""
        wanted = dict(attributes or {})
        users = cls.all()
        if "email" in wanted:
            account = auth.compat.by_email(address_of(wanted.pop("email")))
            users = [cls.of(account)] if account else []
        return [user for user in users if all(getattr(user, name, None) == value for name, value in wanted.items())]


def address_of(email: object) -> str:
    """The email address of a user who may have been given any text for one."""
    text = email if isinstance(email, str) else ""
    return text if "@" in text else text + WITHOUT_DOMAIN


def _opened(email: str, password_hash: str | None, account_id: str) -> AccountSnapshot:
    try:
        return auth.compat.create(email, password_hash, caller(), account_id)
    except EmailTaken:
        raise ValueError(f"User {email} already exists") from None
