"""Add indexes for the administrators' search: the beginning of an address, and disabled accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PREFIX = "ix_accounts_email_canonical_prefix"


def upgrade() -> None:
    """Create the indexes. Rows do not change."""
    disabled = sa.text("disabled_at IS NOT NULL")
    op.create_index(
        "ix_accounts_disabled_at", "accounts", ["disabled_at"], sqlite_where=disabled, postgresql_where=disabled
    )
    if op.get_bind().dialect.name == "postgresql":  # the unique index finds no prefix unless its collation is C
        ops = {"email_canonical": "varchar_pattern_ops"}
        op.create_index(PREFIX, "accounts", ["email_canonical"], postgresql_ops=ops)


def downgrade() -> None:
    """Drop the indexes."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index(PREFIX, "accounts")
    op.drop_index("ix_accounts_disabled_at", "accounts")
