"""The sessions table, and a session as one statement read it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime

Owner = TypeVar("Owner")


class Session(Model):
    """One device that signed in. It holds no secret, and refreshing changes the row instead of adding one.

    `generation` counts the refresh tokens given out; `rotated_at` is when the newest was. Unused until `expires_at`,
    or past `ends_at` however much used, the session is over. `authenticated_at` is when a password was last
    given in it, `rotated_with` the digest of the idempotency key that its latest refresh carried.
    """

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    generation: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rotated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    absolute_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ip: Mapped[str | None] = mapped_column(sa.String(45))
    user_agent: Mapped[str | None] = mapped_column(sa.String(400))
    authenticated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    idempotency_key_hash: Mapped[str | None] = mapped_column(sa.String(64))
    auth_methods: Mapped[str] = mapped_column(sa.String(60), server_default="pwd")
    level: Mapped[int] = mapped_column(sa.SmallInteger, server_default="1")


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody has proved, made only by the step that checked it.

    `methods` are values of RFC 8176; `level` is the authenticator assurance level of NIST SP 800-63B: 1 or 2.
    """

    methods: tuple[str, ...]
    level: int


PASSWORD: Final = Proof(("pwd",), level=1)


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """A session as it stood at one moment, and `read_at`, that moment by the database's clock."""

    id: str
    account_id: str
    generation: int
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime
    absolute_expires_at: datetime
    revoked_at: datetime | None
    ip: str | None
    user_agent: str | None
    authenticated_at: datetime
    idempotency_key_hash: str | None
    auth_methods: str
    level: int
    read_at: datetime

    @property
    def alive(self) -> bool:
        """Neither ended by anyone nor run out."""
        return self.revoked_at is None and self.read_at < self.expires_at


@dataclass(frozen=True, slots=True)
class OwnedSession(Generic[Owner]):
    """A session together with the account that it belongs to."""

    session: SessionSnapshot
    owner: Owner
