"""The signing keys table: all processes on all machines sign and verify with the same keys."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime


class SigningKey(Model):
    """An encrypted private key: published from `created_at`, signs from `signs_from`, rejected from `retired_at`."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(sa.String(43), primary_key=True)
    algorithm: Mapped[str] = mapped_column(sa.String(10))
    private_key: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signs_from: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
