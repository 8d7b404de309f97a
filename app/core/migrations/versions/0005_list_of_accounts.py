"""Administrators list accounts by when they were opened, and find each other by their role."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two indexes; no row changes."""
    op.create_index("ix_accounts_created_at_id", "accounts", ["created_at", "id"])
    op.create_index("ix_accounts_roles", "accounts", ["roles"])


def downgrade() -> None:
    """Undo it."""
    op.drop_index("ix_accounts_roles", "accounts")
    op.drop_index("ix_accounts_created_at_id", "accounts")
