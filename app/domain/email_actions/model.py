"""The email actions table: what may still be done with the links and codes of emails."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime


class Purpose(StrEnum):
    """What the link in an email is for. A link of one purpose is never accepted for another."""

    RESET_PASSWORD = "reset-password"  # noqa: S105 - a purpose, not a secret
    VERIFY_EMAIL = "verify-email"
    CHANGE_EMAIL = "change-email"
    UNDO_EMAIL_CHANGE = "undo-email-change"
    UNDO_SECOND_FACTOR = "undo-second-factor"
    SECURE_ACCOUNT = "not-me"


class EmailAction(Model):
    """One row is one action that may be done once. Doing it deletes the row, and the row count decides a race.

    The row contains neither the token nor the code: both are derived from a secret and `message_id` when the email is
    sent. `address` is the new address of an email change, or the old one that undoing it restores. The latter is also
    stored as `reserved`, in canonical form: no other account may take it while the change can be undone.

    An account has one action for each purpose, and one undo for each email change: `replaced_version` is the version of
    the credentials before that change, so a higher one is a later change. It is 0 for all other purposes.
    """

    __tablename__ = "email_actions"

    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    purpose: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    replaced_version: Mapped[int] = mapped_column(primary_key=True, server_default="0", autoincrement=False)
    message_id: Mapped[int] = mapped_column(sa.BigInteger)
    address: Mapped[str | None] = mapped_column(sa.String(254))
    reserved: Mapped[str | None] = mapped_column(sa.String(254), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    code_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int]
