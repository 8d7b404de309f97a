"""The challenges table: for each account and purpose the newest email whose link or code may still be used."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime


class Purpose(StrEnum):
    """What an email's link is for. A link of one purpose is never taken for another."""

    RESET_PASSWORD = "reset-password"  # noqa: S105 - a purpose, no secret
    VERIFY_EMAIL = "verify-email"
    CHANGE_EMAIL = "change-email"
    UNDO_EMAIL_CHANGE = "undo-email-change"
    SECURE_ACCOUNT = "not-me"


class EmailAction(Model):
    """One row is one thing that may be done once; doing it deletes the row, and the row count says who did it.

    No token and no code rests here: both are made from the secret and `email` when the email is sent. `address` is
    the address that a change of email leads to, or that undoing one leads back to. The latter is `reserved`, in its
    canonical form: no other account may have it while the change can be undone.
    """

    __tablename__ = "email_actions"

    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    purpose: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    message_id: Mapped[int] = mapped_column(sa.BigInteger)
    address: Mapped[str | None] = mapped_column(sa.String(254))
    reserved: Mapped[str | None] = mapped_column(sa.String(254), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    code_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int]
