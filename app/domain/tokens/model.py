"""The table of signing keys: every process of every machine signs and checks with the same ones."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime


class SigningKey(Model):
    """A private key, encrypted. It is published from `created_at`, signs from `signs_from`, is refused once retired."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(sa.String(43), primary_key=True)
    algorithm: Mapped[str] = mapped_column(sa.String(10))
    private_key: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signs_from: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
