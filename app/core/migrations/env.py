"""Runs migrations under a lock: processes that start together wait for the first one and then find none left."""

from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.operations.ops import MigrationScript
from flask import current_app

from app.core.database import Base, UtcDateTime, migration_engine
from app.core.schema import belongs_to, needs_migrations

LOCK = {
    "postgresql": "SELECT pg_advisory_xact_lock(740318)",
    "mysql": "SELECT GET_LOCK('latchkey migrations', 300)",
    "sqlite": "SELECT 1",  # the transaction itself begins with the write lock
}


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Render our time type as its SQL types, so that a later change of the class does not change old migrations."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return 'sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")'
    return False


def keep(_context: object, _revision: object, directives: list[MigrationScript]) -> None:
    """Write no migration if nothing has changed."""
    operations = directives[0].upgrade_ops
    if getattr(context.config.cmd_opts, "autogenerate", False) and operations and operations.is_empty():
        directives[:] = []


with migration_engine().connect() as connection, connection.begin():
    connection.execute(sa.text(LOCK[connection.dialect.name]))
    if not context.config.attributes.get("to_newest") or needs_migrations(connection):
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render_item,
            include_object=belongs_to(connection.dialect),
            process_revision_directives=keep,
            **current_app.extensions["migrate"].configure_args,
        )
        context.run_migrations()
