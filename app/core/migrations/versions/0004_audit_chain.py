"""Add a result and the hash chain to the audit log."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BYTEWISE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Add the columns and the head of the chain. Existing events are sealed after the service starts."""
    op.add_column("audit_events", sa.Column("result", sa.String(10)))
    op.execute("UPDATE audit_events SET result = 'ok'")
    op.execute("UPDATE audit_events SET result = 'refused' WHERE tag = 'session.token_reused'")
    with op.batch_alter_table("audit_events", table_kwargs={"sqlite_autoincrement": True}) as events:
        events.alter_column("result", existing_type=sa.String(10), nullable=False)
        events.add_column(sa.Column("position", sa.BigInteger))
        events.add_column(sa.Column("salt", sa.String(32)))
        events.add_column(sa.Column("commitment", sa.String(64)))
        events.add_column(sa.Column("link", sa.String(64)))
        events.add_column(sa.Column("erasure", sa.String(64)))
        events.create_unique_constraint("uq_audit_events_position", ["position"])
        events.drop_index("ix_audit_events_account_id")
        events.create_index("ix_audit_events_account_id_id", ["account_id", "id"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("link", sa.String(64), nullable=False),
        sa.Column("purged_position", sa.BigInteger, nullable=False),
        sa.Column("purged_link", sa.String(64), nullable=False),
        sa.Column("signature", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        **BYTEWISE,
    )


def downgrade() -> None:
    """Drop the columns and the head. The chain is lost: another upgrade starts a new one."""
    op.drop_table("audit_head")
    with op.batch_alter_table("audit_events", table_kwargs={"sqlite_autoincrement": True}) as events:
        events.drop_index("ix_audit_events_account_id_id")
        events.create_index("ix_audit_events_account_id", ["account_id"])
        events.drop_constraint("uq_audit_events_position", type_="unique")
        for column in ("erasure", "link", "commitment", "salt", "position", "result"):
            events.drop_column(column)
