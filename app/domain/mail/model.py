"""The outbox table: one row per message."""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, Model, UtcDateTime

QUEUED: Final = "queued"  # to be sent, now or at `due_at`
SENT: Final = "sent"  # the mail server accepted it
DEAD: Final = "dead"  # it cannot be sent; `error` says why
DROPPED: Final = "dropped"  # not to be sent: no such account, or replaced by a newer message
STATES: Final = (QUEUED, SENT, DEAD, DROPPED)


class QueuedMessage(Model):
    """One message: its kind, its recipient and its parameters, never a token, a code or a secret.

    `address` is the recipient at the time of the cause; `mailbox` is its canonical form, by which messages are counted,
    exported and deleted. Without an `account_id` the account has not been looked up yet. `message_id` is the same for
    all attempts, so that a mailbox can detect a duplicate. `claim` is a fencing token: only the deliverer that holds it
    may record the result. `sending_at` is set while the message is being sent.
    """

    __tablename__ = "outbox"
    # Ids are never reused, not even after the newest rows are deleted: accounts store the id of their last reset email.
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
