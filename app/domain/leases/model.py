"""The leases table: one row for each task that one process at a time does."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Model, UtcDateTime


class Lease(Model):
    """The process `holder` has the task until `until`."""

    __tablename__ = "leases"

    task: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(sa.String(36))
    until: Mapped[datetime] = mapped_column(UtcDateTime)
