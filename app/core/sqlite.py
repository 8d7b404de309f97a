"""SQLite: how its connections are configured, and how processes take turns to write."""

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from app.core.active_requests import active_requests
from app.core.write_turns import WriteTurn

BUSY_TIMEOUT_MS: Final = 5_000
_TURN: Final = "write_turn"


class WritingPool(sa.QueuePool):
    """The pool of the connection for writing. A request that waits for it or uses it is not active."""

    def connect(self) -> sa.PoolProxiedConnection:
        """The connection."""
        active_requests.pause()
        try:
            return super().connect()
        except BaseException:
            active_requests.resume()
            raise

    def _do_return_conn(self, record: sa.pool.ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        active_requests.resume()  # only now, because others wait for the connection


def configure(engine: sa.Engine) -> None:
    """Configure every connection of the engine: WAL, foreign keys, and a wait for the locks of other programs."""
    event.listen(engine, "connect", _configure)


def write_in_turn(engine: sa.Engine) -> None:
    """Make each transaction of the engine take the write lock at its start, and wait for its turn before that."""
    event.listen(engine, "begin", _begin_immediately)
    if engine.url.database in (None, "", ":memory:"):
        return

    @event.listens_for(engine, "connect")
    def open_turn(_connection: Any, record: Any) -> None:
        record.info[_TURN] = WriteTurn(Path(str(engine.url.database)), BUSY_TIMEOUT_MS / 1_000)

    @event.listens_for(engine, "checkin")
    def release(_connection: Any, record: Any) -> None:
        if turn := record.info.get(_TURN):
            turn.release()

    @event.listens_for(engine, "close")
    def close(_connection: Any, record: Any) -> None:
        if turn := record.info.pop(_TURN, None):
            turn.close()


def take_turn(info: dict[Any, Any]) -> None:
    """Wait for the turn of the connection with this `info`, if it has one. It ends when the connection is returned."""
    if turn := info.get(_TURN):
        turn.take()


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediately(connection: sa.Connection) -> None:
    # A unit of work writes. Taking the write lock at its start makes it wait for up to the busy timeout; upgrading a
    # read lock later would fail immediately with SQLITE_BUSY.
    take_turn(connection.info)
    connection.exec_driver_sql("BEGIN IMMEDIATE")
