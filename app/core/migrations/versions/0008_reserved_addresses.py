"""An address that a change can be undone to is found by its canonical form, so that nobody else takes it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Undo links that are out already keep working; their addresses are not reserved."""
    with op.batch_alter_table("challenges") as challenges:
        challenges.add_column(sa.Column("reserved", sa.String(254)))
        challenges.create_index("ix_challenges_reserved", ["reserved"])


def downgrade() -> None:
    """Undo it."""
    with op.batch_alter_table("challenges") as challenges:
        challenges.drop_index("ix_challenges_reserved")
        challenges.drop_column("reserved")
