"""Create the tables of second factors, trusted devices, passkeys and used challenges."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
BYTEWISE: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Create the tables. No account has a second factor yet."""
    op.add_column("accounts", sa.Column("second_factor_at", MOMENT))
    _create_totp_factors()
    _create_of_account(
        "recovery_codes",
        sa.Column("digest", sa.String(43), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        key="digest",
    )
    _create_trusted_devices()
    _create_passkeys()
    op.create_table(
        "spent_challenges",
        sa.Column("digest", sa.String(43), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_spent_challenges"),
        **BYTEWISE,
    )
    op.create_index("ix_spent_challenges_expires_at", "spent_challenges", ["expires_at"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("spent_challenges", "passkeys", "trusted_devices", "recovery_codes", "totp_factors"):
        op.drop_table(table)
    op.drop_column("accounts", "second_factor_at")


def _create_totp_factors() -> None:
    _create_of_account(
        "totp_factors",
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("name", sa.String(60)),
        sa.Column("secret", sa.String(120), nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
    )


def _create_trusted_devices() -> None:
    _create_of_account(
        "trusted_devices",
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(43), nullable=False),
        sa.Column("ip", sa.String(45)),
        sa.Column("user_agent", sa.String(400)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.UniqueConstraint("digest", name="uq_trusted_devices_digest"),
    )
    op.create_index("ix_trusted_devices_expires_at", "trusted_devices", ["expires_at"])


def _create_passkeys() -> None:
    _create_of_account(
        "passkeys",
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(43), nullable=False),
        sa.Column("credential_id", sa.String(1400), nullable=False),
        sa.Column("public_key", sa.String(1400), nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(60)),
        sa.Column("transports", sa.String(100), nullable=False),
        sa.Column("aaguid", sa.String(36), nullable=False),
        sa.Column("backup_eligible", sa.Boolean, nullable=False),
        sa.Column("backed_up", sa.Boolean, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT),
        sa.UniqueConstraint("digest", name="uq_passkeys_digest"),
    )


def _create_of_account(table: str, *items: Any, key: str = "id") -> None:
    op.create_table(
        table,
        *items,
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint(key, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=f"fk_{table}_account_id_accounts", ondelete="CASCADE"
        ),
        **BYTEWISE,
    )
    op.create_index(f"ix_{table}_account_id", table, ["account_id"])
