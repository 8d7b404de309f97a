"""The tables of second factors."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, Model, UtcDateTime


class TotpFactor(Model):
    """One authenticator app. It counts once it is confirmed by a code.

    `id` is random, so that the link that removes the factor can name it. `secret` is encrypted, bound to account and
    id. `last_step` is the time step of the newest code that was accepted: no code of that step or an earlier one is
    accepted again (RFC 6238, 5.2).
    """

    __tablename__ = "totp_factors"
    __table_args__: Any = (sa.Index(None, "confirmed_at", "created_at"), Base.__table_args__)

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str | None] = mapped_column(sa.String(60))
    secret: Mapped[str] = mapped_column(sa.String(120))
    last_step: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)


class RecoveryCode(Model):
    """One unused recovery code, as the SHA-256 of its 120 bits (ASVS 6.5.2). Using it deletes the row."""

    __tablename__ = "recovery_codes"

    digest: Mapped[str] = mapped_column(sa.String(43), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
