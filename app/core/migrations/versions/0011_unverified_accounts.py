"""Add the time since which an account has no verified address, for the cleanup of unverified accounts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")


def upgrade() -> None:
    """Add the column with its index. Before this version only the compatibility API removed a verification."""
    op.add_column("accounts", sa.Column("unverified_since", MOMENT))
    op.execute("UPDATE accounts SET unverified_since = created_at WHERE email_verified_at IS NULL")
    op.create_index("ix_accounts_unverified_since", "accounts", ["unverified_since"])


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_accounts_unverified_since", "accounts")
    op.drop_column("accounts", "unverified_since")
