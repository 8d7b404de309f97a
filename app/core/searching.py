"""Searches: a SELECT with a time limit that the database enforces, so that no connection is lost to it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from app.core.database import AUTOCOMMIT, db, driver_codes, timeout_of, translate_errors
from app.core.errors import SearchTooBroad

# PostgreSQL: query_canceled; MariaDB: ER_STATEMENT_TIMEOUT; MySQL: ER_QUERY_TIMEOUT; SQLite: SQLITE_INTERRUPT
OUT_OF_TIME: Final = {"57014", 1969, 3024, 9}
SHARE = 0.8  # of DATABASE_TIMEOUT, after which the connection is given up
INSTRUCTIONS: Final = 1_000  # of SQLite's virtual machine between two looks at the clock


def search(statement: sa.Select[Any]) -> Sequence[Sequence[Any]]:
    """Run one SELECT that may examine many rows, and return all its rows. Raises `SearchTooBroad`."""
    kind = db.engine.dialect.name
    seconds = max(SHARE * timeout_of(db.engine), 0.001)  # 0 would mean no limit
    with translate_errors():
        try:
            with _engine().connect() as connection, _LIMITS[kind](connection, seconds):
                return connection.execute(statement).all()
        except sa.exc.DBAPIError as failure:
            if driver_codes(failure.orig) & OUT_OF_TIME:
                raise SearchTooBroad from failure
            raise


def _engine() -> sa.Engine:
    # PostgreSQL's limit needs a transaction. On SQLite a transaction would take the write lock.
    return db.engine if db.engine.dialect.name == "postgresql" else db.engines[AUTOCOMMIT]


@contextmanager
def _postgresql(connection: sa.Connection, seconds: float) -> Iterator[None]:
    # LOCAL, for this transaction: behind a pooler another client may get the connection next.
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {round(seconds * 1_000)}")
    yield


@contextmanager
def _mysql(connection: sa.Connection, seconds: float) -> Iterator[None]:
    is_mariadb = getattr(connection.dialect, "is_mariadb", False)

    def limit(_connection: object, _cursor: object, text: str, values: Any, *_: object) -> tuple[str, Any]:
        if is_mariadb:
            return f"SET STATEMENT max_statement_time={seconds:.3f} FOR {text}", values
        return text.replace("SELECT", f"SELECT /*+ MAX_EXECUTION_TIME({round(seconds * 1_000)}) */", 1), values

    event.listen(connection, "before_cursor_execute", limit, retval=True)
    yield


@contextmanager
def _sqlite(connection: sa.Connection, seconds: float) -> Iterator[None]:
    raw: Any = connection.connection.driver_connection
    end = time.monotonic() + seconds
    raw.set_progress_handler(lambda: time.monotonic() > end, INSTRUCTIONS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


_LIMITS: Final[dict[str, Callable[[sa.Connection, float], Any]]] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "sqlite": _sqlite,
}
