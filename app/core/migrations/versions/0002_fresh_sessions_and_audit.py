"""Add the last authentication and the idempotency key to sessions; create the audit log."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
BYTEWISE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Add the columns and the table. Existing sessions count as authenticated at the time they were opened."""
    op.add_column("sessions", sa.Column("authenticated_at", MOMENT))
    op.add_column("sessions", sa.Column("rotated_with", sa.String(64)))
    op.execute("UPDATE sessions SET authenticated_at = created_at")
    with op.batch_alter_table("sessions") as sessions:
        sessions.alter_column("authenticated_at", existing_type=MOMENT, nullable=False)
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("tag", sa.String(60), nullable=False),
        sa.Column("account_id", sa.String(36)),
        sa.Column("actor_id", sa.String(36)),
        sa.Column("session_id", sa.String(36)),
        sa.Column("ip", sa.String(45)),
        sa.Column("user_agent", sa.String(400)),
        sa.Column("details", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
        sqlite_autoincrement=True,
        **BYTEWISE,
    )
    op.create_index("ix_audit_events_account_id", "audit_events", ["account_id"])


def downgrade() -> None:
    """Drop the table and the columns."""
    op.drop_table("audit_events")
    with op.batch_alter_table("sessions") as sessions:
        sessions.drop_column("rotated_with")
        sessions.drop_column("authenticated_at")
