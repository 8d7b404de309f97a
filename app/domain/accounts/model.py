"""The accounts table, and an account as read at one moment."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, Model, UtcDateTime, table_of
from app.domain.accounts.claims import MAX_BYTES, stored_claims

State = Literal["active", "disabled", "deleting"]


IS_DISABLED: Final = sa.text("disabled_at IS NOT NULL")
IS_INVITED: Final = sa.text("invited_at IS NOT NULL")


class Account(Model):
    """One person's account.

    `email` is the address as typed: emails go to it. `email_canonical` identifies the account: it is unique and
    compared byte for byte. `credentials_version` increases with every change of password or address, which invalidates
    all links and device tokens signed before. `unverified_since` is set until an address of the account is verified for
    the first time, and never again. `deletes_at` is when the account will be purged; signing in before then
    cancels the deletion. `second_factor_at` is when the account got a second factor; without one it is null.
    `invited_at` is when an administrator invited its owner, and null once the owner has a way to sign in. `claims` is
    the compact JSON of an object for other services; null is an empty one.
    """

    __tablename__ = "accounts"
    __table_args__: Any = (
        sa.Index(None, "created_at", "id"),
        # Few accounts are disabled. With all in it, SQLite would use it to find those that are not.
        sa.Index(None, "disabled_at", sqlite_where=IS_DISABLED, postgresql_where=IS_DISABLED),
        sa.Index(None, "invited_at", "id", sqlite_where=IS_INVITED, postgresql_where=IS_INVITED),
        # Where the collation is not C, PostgreSQL finds no prefix by the unique index.
        sa.Index(
            "ix_accounts_email_canonical_prefix",
            "email_canonical",
            postgresql_ops={"email_canonical": "varchar_pattern_ops"},
            info={"dialect": "postgresql"},
        ).ddl_if(dialect="postgresql"),
        Base.__table_args__,
    )

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254))
    email_canonical: Mapped[str] = mapped_column(sa.String(254), unique=True)
    email_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    unverified_since: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(255))
    first_name: Mapped[str | None] = mapped_column(sa.String(100))
    last_name: Mapped[str | None] = mapped_column(sa.String(100))
    locale: Mapped[str | None] = mapped_column(sa.String(35))
    roles: Mapped[str] = mapped_column(sa.String(255), default="", index=True)
    credentials_version: Mapped[int] = mapped_column(default=0)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deletes_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    second_factor_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    invited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claims: Mapped[str | None] = mapped_column(sa.String(MAX_BYTES))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """An account as one statement read it. The fields are in the order of `SNAPSHOT_COLUMNS`."""

    id: str
    email: str
    email_canonical: str
    email_verified_at: datetime | None
    password_hash: str | None = field(repr=False)
    first_name: str | None
    last_name: str | None
    locale: str | None
    role_words: str
    credentials_version: int
    disabled_at: datetime | None
    deletes_at: datetime | None
    created_at: datetime
    updated_at: datetime
    second_factor_at: datetime | None
    invited_at: datetime | None
    claims_text: str | None

    @property
    def claims(self) -> dict[str, Any]:
        """What administrators have stored for other services; often nothing."""
        return stored_claims(self.claims_text)

    @property
    def email_verified(self) -> bool:
        """Whether the owner has shown that they receive emails at the address."""
        return self.email_verified_at is not None

    @property
    def roles(self) -> list[str]:
        """The roles of the account, such as `admin`."""
        return self.role_words.split()

    @property
    def has_password(self) -> bool:
        """Whether the account has a password. An invited owner chooses one with the link in an email."""
        return self.password_hash is not None

    @property
    def has_second_factor(self) -> bool:
        """Whether sign-in asks for a second factor."""
        return self.second_factor_at is not None

    @property
    def is_invited(self) -> bool:
        """Whether an invitation is open: the owner has no way to sign in yet."""
        return self.invited_at is not None and self.password_hash is None

    @property
    def state(self) -> State:
        """Whether the owner can sign in, the account is disabled, or its deletion is scheduled."""
        if self.deletes_at is not None:
            return "deleting"
        return "active" if self.disabled_at is None else "disabled"


_columns = table_of(Account).c
SNAPSHOT_COLUMNS: tuple[sa.Column[Any], ...] = (
    _columns.id,
    _columns.email,
    _columns.email_canonical,
    _columns.email_verified_at,
    _columns.password_hash,
    _columns.first_name,
    _columns.last_name,
    _columns.locale,
    _columns.roles,
    _columns.credentials_version,
    _columns.disabled_at,
    _columns.deletes_at,
    _columns.created_at,
    _columns.updated_at,
    _columns.second_factor_at,
    _columns.invited_at,
    _columns.claims,
)
