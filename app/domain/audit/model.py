"""The audit table: one row for each event that matters to somebody's security."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, Model, UtcDateTime


class AuditEvent(Model):
    """One event. `actor_id` is who did it, `account_id` whom it happened to; `details` holds no secret.

    Neither refers to the accounts table: the record of an account outlives the account.
    """

    __tablename__ = "audit_events"
    __table_args__: Any = Base.__table_args__ | {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    tag: Mapped[str] = mapped_column(sa.String(60))
    account_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    actor_id: Mapped[str | None] = mapped_column(sa.String(36))
    session_id: Mapped[str | None] = mapped_column(sa.String(36))
    ip: Mapped[str | None] = mapped_column(sa.String(45))
    user_agent: Mapped[str | None] = mapped_column(sa.String(400))
    details: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
