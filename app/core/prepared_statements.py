"""Prepared statements on PostgreSQL: used on a direct connection, not behind a transaction pooler.

Such a pooler (PgBouncer, Supavisor, Neon) may run each transaction on another connection to the server, while a
prepared statement exists on one of them only. See docs/decisions/0038-transaction-poolers.md.
"""

import logging
import secrets
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

UNKNOWN_STATEMENT: Final = "26000"  # SQLSTATE invalid_sql_statement_name
log = logging.getLogger(__name__)


class PreparedStatements:
    """Decides for each new connection whether psycopg may prepare statements. `mode` is `auto`, `on` or `off`."""

    def __init__(self, mode: str) -> None:
        self._mode = mode

    def install(self, engine: sa.Engine) -> None:
        """Apply the mode to all connections of this engine."""
        event.listen(engine, "connect", self._on_connect)
        event.listen(engine, "handle_error", self._on_error)

    def _on_connect(self, connection: Any, _record: object) -> None:
        if self._mode == "off" or (self._mode == "auto" and _is_pooled(connection)):
            connection.prepare_threshold = None
        else:
            # psycopg numbers its statements from 0 on each connection. Behind a pooler that was not recognised, this
            # connection would run a statement of another one that has the same name.
            connection._prepared._prepared_idx = secrets.randbits(62)

    def _on_error(self, context: sa.engine.ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) != UNKNOWN_STATEMENT:
            return
        if self._mode != "off":
            log.warning("a prepared statement was lost, as behind a transaction pooler; no more are used")
        self._mode = "off"
        context.is_disconnect = True  # drops all connections of the pool, and the request is tried again


def _is_pooled(connection: Any) -> bool:
    # A pooler invents the process id that it announces, because each transaction may have another process.
    announced = connection.info.backend_pid
    (actual,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.rollback()
    return bool(announced != actual)
