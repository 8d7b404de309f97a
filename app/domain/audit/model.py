"""The audit log: one row for each security-related event, and one row for the ends of the chain."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, Model, UtcDateTime, table_of


class AuditEvent(Model):
    """One event. `actor_id` did it, `account_id` is the account concerned; `details` contains no secret.

    Neither is a foreign key: the events of an account stay when the account is deleted. The columns from `position`
    on are empty until the event is sealed. Erasing a person's data replaces `salt` by `erasure`.
    """

    __tablename__ = "audit_events"
    __table_args__: Any = (
        sa.Index("ix_audit_events_account_id_id", "account_id", "id"),
        Base.__table_args__ | {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    event: Mapped[str] = mapped_column(sa.String(60))
    result: Mapped[str] = mapped_column(sa.String(10))
    account_id: Mapped[str | None] = mapped_column(sa.String(36))
    actor_id: Mapped[str | None] = mapped_column(sa.String(36))
    session_id: Mapped[str | None] = mapped_column(sa.String(36))
    ip: Mapped[str | None] = mapped_column(sa.String(45))
    user_agent: Mapped[str | None] = mapped_column(sa.String(400))
    details: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    position: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    salt: Mapped[str | None] = mapped_column(sa.String(32))
    commitment: Mapped[str | None] = mapped_column(sa.String(64))
    entry_hash: Mapped[str | None] = mapped_column(sa.String(64))
    erasure: Mapped[str | None] = mapped_column(sa.String(64))


class AuditHead(Model):
    """The only row: the two ends of the chain. `signature` covers all columns."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(sa.BigInteger)
    entry_hash: Mapped[str] = mapped_column(sa.String(64))
    purged_position: Mapped[int] = mapped_column(sa.BigInteger)
    purged_hash: Mapped[str] = mapped_column(sa.String(64))
    signature: Mapped[str] = mapped_column(sa.String(64))


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An event as one statement read it. The fields are in the order of `RECORD_COLUMNS`."""

    id: int
    at: datetime
    event: str
    result: str
    account_id: str | None
    actor_id: str | None
    session_id: str | None
    ip: str | None
    user_agent: str | None
    details: Any
    position: int | None
    salt: str | None
    commitment: str | None
    entry_hash: str | None
    erasure: str | None


RECORD_COLUMNS: tuple[sa.Column[Any], ...] = tuple(table_of(AuditEvent).c)
