"""Let each email change be undone by itself; count the successors of a refresh token that got lost."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLE = "email_actions"
KEY = ("account_id", "purpose")
DELETE_LATER = """
    DELETE FROM email_actions WHERE replaced_version > (
        SELECT earliest FROM (
            SELECT account_id, purpose, MIN(replaced_version) AS earliest
            FROM email_actions GROUP BY account_id, purpose
        ) AS firsts WHERE firsts.account_id = email_actions.account_id AND firsts.purpose = email_actions.purpose
    )
"""


def upgrade() -> None:
    """Add the columns. Pending actions keep working: an undo that exists is earlier than those that follow."""
    op.add_column(TABLE, sa.Column("replaced_version", sa.Integer, nullable=False, server_default="0"))
    _set_key(*KEY, "replaced_version")
    op.add_column("sessions", sa.Column("lost_successors", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the columns. Of several undos of an account the earliest stays, which has precedence over the others."""
    op.drop_column("sessions", "lost_successors")
    op.execute(DELETE_LATER)
    _set_key(*KEY)
    op.drop_column(TABLE, "replaced_version")


def _set_key(*columns: str) -> None:
    if op.get_bind().dialect.name == "mysql":  # in one statement: the foreign key needs an index at any time
        op.execute(f"ALTER TABLE {TABLE} DROP PRIMARY KEY, ADD PRIMARY KEY ({', '.join(columns)})")
        return
    with op.batch_alter_table(TABLE) as table:
        table.drop_constraint(f"pk_{TABLE}", type_="primary")
        table.create_primary_key(f"pk_{TABLE}", list(columns))
