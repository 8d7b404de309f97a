"""Reserve the old address of an email change in canonical form, so that no other account takes it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Undo links already sent keep working; their addresses are not reserved."""
    with op.batch_alter_table("challenges") as challenges:
        challenges.add_column(sa.Column("reserved", sa.String(254)))
        challenges.create_index("ix_challenges_reserved", ["reserved"])


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("challenges") as challenges:
        challenges.drop_index("ix_challenges_reserved")
        challenges.drop_column("reserved")
