"""Create the table of leases, by which one of many processes does the cleanup."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
BYTEWISE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Create the table, empty: the first process that asks for a lease inserts the row."""
    op.create_table(
        "leases",
        sa.Column("task", sa.String(40), nullable=False),
        sa.Column("holder", sa.String(36), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("task", name="pk_leases"),
        **BYTEWISE,
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("leases")
