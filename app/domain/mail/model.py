"""The outbox table: one row for each email we owe somebody."""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, Model, UtcDateTime

QUEUED: Final = "queued"  # to be sent, now or at `due_at`
SENT: Final = "sent"  # the mail server took it
DEAD: Final = "dead"  # it cannot be sent; `error` says why
DROPPED: Final = "dropped"  # nobody was to get it: no such account, or a newer email says it better
STATES: Final = (QUEUED, SENT, DEAD, DROPPED)


class QueuedMessage(Model):
    """One email: what it is about and for whom, never a token, a code or a secret.

    `address` is where it goes, as it was when the row was written; `mailbox` is its canonical form, by which messages
    are counted, exported and erased. An address without an account is one nobody looked up yet. `message_id` stays the
    same over all attempts, so that a mailbox can tell a copy. `claim` is the fence: only who holds it may say how the
    delivery ended. `sending_at` is set while the mail server is asked to take it.
    """

    __tablename__ = "outbox"
    # No id is used twice, not even when the newest rows are gone: accounts remember their newest reset email.
    __table_args__: Any = (
        sa.Index(None, "state", "due_at"),
        sa.Index(None, "mailbox", "kind", "state", "id"),
        Base.__table_args__ | {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    account_id: Mapped[str | None] = mapped_column(
        sa.String(36), sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    address: Mapped[str | None] = mapped_column(sa.String(254))
    mailbox: Mapped[str | None] = mapped_column(sa.String(254))
    parameters: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    locale: Mapped[str | None] = mapped_column(sa.String(35))
    message_id: Mapped[str] = mapped_column(sa.String(120))
    state: Mapped[str] = mapped_column(sa.String(10))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claim: Mapped[str | None] = mapped_column(sa.String(36))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sending_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(sa.String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
