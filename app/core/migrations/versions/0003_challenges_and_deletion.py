"""Create the table of links and codes; add the scheduled deletion to accounts."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
BYTEWISE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Add the table and the column. Links sent before become invalid; they live half an hour."""
    op.create_table(
        "challenges",
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("letter", sa.BigInteger, nullable=False),
        sa.Column("address", sa.String(254)),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("code_expires_at", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "purpose", name="pk_challenges"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_challenges_account_id_accounts", ondelete="CASCADE"
        ),
        **BYTEWISE,
    )
    op.create_index("ix_challenges_expires_at", "challenges", ["expires_at"])
    with op.batch_alter_table("accounts") as accounts:
        accounts.drop_column("reset_letter")
        accounts.add_column(sa.Column("deletes_at", MOMENT))
        accounts.create_index("ix_accounts_deletes_at", ["deletes_at"])


def downgrade() -> None:
    """Drop the table and the column. Links and codes that were sent become invalid."""
    with op.batch_alter_table("accounts") as accounts:
        accounts.drop_index("ix_accounts_deletes_at")
        accounts.drop_column("deletes_at")
        accounts.add_column(sa.Column("reset_letter", sa.BigInteger))
    op.drop_table("challenges")
