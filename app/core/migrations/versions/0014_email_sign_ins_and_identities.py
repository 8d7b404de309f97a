"""Create the tables of emailed sign-ins and of identities at outside providers."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
BYTEWISE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Create the tables, empty."""
    op.create_table(
        "email_sign_ins",
        sa.Column("mailbox", sa.String(254), nullable=False),
        sa.Column("attempt_digest", sa.String(43), nullable=False),
        sa.Column("message_id", sa.BigInteger, nullable=False),
        sa.Column("credentials_version", sa.Integer),
        sa.Column("may_open_account", sa.Boolean, nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("user_agent", sa.String(400)),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("code_expires_at", MOMENT, nullable=False),
        sa.Column("wrong_codes", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("mailbox", name="pk_email_sign_ins"),
        **BYTEWISE,
    )
    op.create_index("ix_email_sign_ins_attempt_digest", "email_sign_ins", ["attempt_digest"])
    op.create_index("ix_email_sign_ins_expires_at", "email_sign_ins", ["expires_at"])
    op.create_table(
        "identities",
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(43), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("email", sa.String(254)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.UniqueConstraint("digest", name="uq_identities_digest"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_identities_account_id_accounts", ondelete="CASCADE"
        ),
        **BYTEWISE,
    )
    op.create_index("ix_identities_account_id", "identities", ["account_id"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("identities")
    op.drop_table("email_sign_ins")
