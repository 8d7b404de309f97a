"""The passkeys table."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime


class Passkey(Model):
    """One WebAuthn credential. `digest` is that of its id, which is too long for a unique index.

    `sign_count` is the highest counter seen; a lower one suggests a copy. `backup_eligible` and `backed_up` are the
    flags BE and BS: whether the passkey may be synced, and is.
    """

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(sa.String(43), unique=True)
    credential_id: Mapped[str] = mapped_column(sa.String(1400))
    public_key: Mapped[str] = mapped_column(sa.String(1400))
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)
    name: Mapped[str | None] = mapped_column(sa.String(60))
    transports: Mapped[str] = mapped_column(sa.String(100))
    aaguid: Mapped[str] = mapped_column(sa.String(36))
    backup_eligible: Mapped[bool]
    backed_up: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
