"""The table of used challenges."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime


class SpentChallenge(Model):
    """A challenge that was used. The primary key decides a race: the request that inserts it has used it."""

    __tablename__ = "spent_challenges"

    digest: Mapped[str] = mapped_column(sa.String(43), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
