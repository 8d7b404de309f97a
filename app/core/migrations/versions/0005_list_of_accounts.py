"""Add indexes for the list of accounts and for the search for administrators."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create two indexes. Rows do not change."""
    op.create_index("ix_accounts_created_at_id", "accounts", ["created_at", "id"])
    op.create_index("ix_accounts_roles", "accounts", ["roles"])


def downgrade() -> None:
    """Drop the indexes."""
    op.drop_index("ix_accounts_roles", "accounts")
    op.drop_index("ix_accounts_created_at_id", "accounts")
