"""The emailed sign-ins table: what the newest sign-in email of each mailbox still allows."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime


class EmailSignIn(Model):
    """One row is one sign-in that may be completed once. Completing it deletes the row, and the row count decides.

    A mailbox has one: a newer email replaces it. It may belong to no account, so it refers to none. Instead it has the
    version of the account's credentials when it was sent, null without an account: after a change of them it no longer
    works. The row contains neither the link nor the code. `attempt_digest` is that of what the client that asked keeps.
    """

    __tablename__ = "email_sign_ins"

    mailbox: Mapped[str] = mapped_column(sa.String(254), primary_key=True)
    attempt_digest: Mapped[str] = mapped_column(sa.String(43), index=True)
    message_id: Mapped[int] = mapped_column(sa.BigInteger)
    credentials_version: Mapped[int | None]
    may_open_account: Mapped[bool]
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    user_agent: Mapped[str | None] = mapped_column(sa.String(400))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    code_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    wrong_codes: Mapped[int]
