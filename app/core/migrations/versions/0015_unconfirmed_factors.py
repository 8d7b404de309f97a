"""Add an index of second factors that were never confirmed, for cleanup."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INDEX = "ix_totp_factors_confirmed_at_created_at"


def upgrade() -> None:
    """Create the index. Rows do not change."""
    op.create_index(INDEX, "totp_factors", ["confirmed_at", "created_at"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(INDEX, "totp_factors")
