"""Add the canonical address and the start of sending to messages, to count, export and delete by mailbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")


def upgrade() -> None:
    """Add the columns. Queued messages without an address get that of their account, to which they would be sent."""
    op.add_column("outbox", sa.Column("mailbox", sa.String(254)))
    op.add_column("outbox", sa.Column("sending_at", MOMENT))
    op.execute(
        "UPDATE outbox SET address = (SELECT email FROM accounts WHERE accounts.id = outbox.account_id)"
        " WHERE address IS NULL AND state = 'queued'"
    )
    op.execute("UPDATE outbox SET mailbox = lower(address)")
    op.drop_index("ix_outbox_address", "outbox")
    op.create_index("ix_outbox_mailbox_kind_state_id", "outbox", ["mailbox", "kind", "state", "id"])


def downgrade() -> None:
    """Drop the columns."""
    op.drop_index("ix_outbox_mailbox_kind_state_id", "outbox")
    op.create_index("ix_outbox_address", "outbox", ["address"])
    op.drop_column("outbox", "sending_at")
    op.drop_column("outbox", "mailbox")
