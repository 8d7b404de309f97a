"""The sessions table, and a session as read at one moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime

Owner = TypeVar("Owner")


class Session(Model):
    """One sign-in on one device. It contains no secret, and refreshing changes the row instead of adding one.

    `generation` is that of the one refresh token that rotates; `rotated_at` is when it was issued. The token that it
    was issued for is its parent. If that comes again late, the answer was lost: the next generation replaces the one
    before it, and `lost_successors` counts how often this has happened to this parent. The session ends at `expires_at`
    unless it is refreshed before, and at `absolute_expires_at` in any case. `authenticated_at` is when the owner last
    authenticated in it, with `auth_methods` (RFC 8176) at `level`. `idempotency_key_hash` is the digest of the
    idempotency key of the latest refresh.
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
    lost_successors: Mapped[int] = mapped_column(default=0, server_default="0")


@dataclass(frozen=True, slots=True)
class Proof:
    """How the caller has authenticated. Only the step that checked the credential creates it.

    `methods` are values of RFC 8176; `level` is the authenticator assurance level of NIST SP 800-63B: 1 or 2. `at` is
    when, unless it was just now.
    """

    methods: tuple[str, ...]
    level: int
    at: datetime | None = None


PASSWORD: Final = Proof(("pwd",), level=1)
EMAILED: Final = Proof(("email",), level=1)  # not registered: a link or code that came by email
FEDERATED: Final = Proof(("fed",), level=1)  # not registered: an outside identity provider
MULTIPLE: Final = "mfa"  # RFC 8176: more than one kind of factor


def passkey_proof(*, synced: bool) -> Proof:
    """A passkey whose authenticator has verified its user: two factors at once (NIST SP 800-63B-4, 3.1.7).

    `synced`: it may be copied to other devices by the service that keeps it.
    """
    return Proof(("swk" if synced else "hwk", "user"), level=2)


def add_methods(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """The methods of two steps as one list; `mfa` is last if they are of different kinds."""
    methods = tuple(dict.fromkeys((*first, *second)))
    single = tuple(method for method in methods if method != MULTIPLE)
    return (*single, MULTIPLE) if MULTIPLE in methods or len(single) > len(first) else single


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """A session as read at one moment; `read_at` is that moment by the database's clock."""

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
    lost_successors: int
    read_at: datetime

    @property
    def parent(self) -> int:
        """The generation of the refresh token for which the present one was issued."""
        return self.generation - 1 - self.lost_successors

    @property
    def alive(self) -> bool:
        """Whether the session is neither revoked nor expired."""
        return self.revoked_at is None and self.read_at < self.expires_at


@dataclass(frozen=True, slots=True)
class OwnedSession(Generic[Owner]):
    """A session and the account that it belongs to. `app/flows/steps/identity.py` names the one owner type in use."""

    session: SessionSnapshot
    owner: Owner
