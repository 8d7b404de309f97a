"""Use standard names; add the authentication methods to sessions; allow accounts without a password."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
BYTEWISE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
RENAMED = (
    ("audit_events", "tag", "event"),
    ("audit_events", "link", "entry_hash"),
    ("audit_head", "link", "entry_hash"),
    ("audit_head", "purged_link", "purged_hash"),
    ("sessions", "ends_at", "absolute_expires_at"),
    ("sessions", "rotated_with", "idempotency_key_hash"),
)
COPIED = ("account_id", "purpose", "address", "reserved", "expires_at", "code_expires_at")


def upgrade() -> None:
    """Rename and add the columns. Links and codes keep working, and sessions stay: a password opened all of them."""
    for table, old, new in RENAMED:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    _create("email_actions", "message_id", "attempts")
    _copy("challenges", "letter", "tries", "email_actions", "message_id", "attempts")
    op.drop_table("challenges")
    op.add_column("sessions", sa.Column("auth_methods", sa.String(60), nullable=False, server_default="pwd"))
    op.add_column("sessions", sa.Column("level", sa.SmallInteger, nullable=False, server_default="1"))
    with op.batch_alter_table("accounts") as accounts:
        accounts.alter_column("password_hash", existing_type=sa.String(255), nullable=True)
    op.execute("UPDATE accounts SET password_hash = NULL WHERE password_hash = '!'")


def downgrade() -> None:
    """Restore the names, drop the columns, and mark accounts without a password as before."""
    op.execute("UPDATE accounts SET password_hash = '!' WHERE password_hash IS NULL")
    with op.batch_alter_table("accounts") as accounts:
        accounts.alter_column("password_hash", existing_type=sa.String(255), nullable=False)
    op.drop_column("sessions", "level")
    op.drop_column("sessions", "auth_methods")
    _create("challenges", "letter", "tries")
    _copy("email_actions", "message_id", "attempts", "challenges", "letter", "tries")
    op.drop_table("email_actions")
    for table, old, new in RENAMED:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}")


def _create(table: str, message: str, attempts: str) -> None:
    op.create_table(
        table,
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column(message, sa.BigInteger, nullable=False),
        sa.Column("address", sa.String(254)),
        sa.Column("reserved", sa.String(254)),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("code_expires_at", MOMENT, nullable=False),
        sa.Column(attempts, sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "purpose", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=f"fk_{table}_account_id_accounts", ondelete="CASCADE"
        ),
        **BYTEWISE,
    )
    op.create_index(f"ix_{table}_expires_at", table, ["expires_at"])
    op.create_index(f"ix_{table}_reserved", table, ["reserved"])


def _copy(source: str, old_message: str, old_attempts: str, target: str, message: str, attempts: str) -> None:
    before = sa.table(source, *(sa.column(name) for name in (*COPIED, old_message, old_attempts)))
    after = sa.table(target, *(sa.column(name) for name in (*COPIED, message, attempts)))
    op.execute(sa.insert(after).from_select([*COPIED, message, attempts], sa.select(*before.c)))
