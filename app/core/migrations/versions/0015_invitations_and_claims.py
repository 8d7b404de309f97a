"""Add open invitations and the claims of accounts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
# A person who has signed in or up, or had a password once, has answered; so has the owner of a verified address.
UNANSWERED = """
    UPDATE accounts SET invited_at = created_at
    WHERE password_hash IS NULL AND credentials_version = 0 AND email_verified_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.account_id = accounts.id)
    AND NOT EXISTS (SELECT 1 FROM passkeys WHERE passkeys.account_id = accounts.id)
"""


def upgrade() -> None:
    """Add the columns. Accounts that were created for somebody who never had a way to sign in are open invitations."""
    op.add_column("accounts", sa.Column("invited_at", MOMENT))
    op.add_column("accounts", sa.Column("claims", sa.String(1024)))
    op.execute(UNANSWERED)
    invited = sa.text("invited_at IS NOT NULL")
    op.create_index(
        "ix_accounts_invited_at_id", "accounts", ["invited_at", "id"], sqlite_where=invited, postgresql_where=invited
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_accounts_invited_at_id", "accounts")
    op.drop_column("accounts", "claims")
    op.drop_column("accounts", "invited_at")
