"""Database timeouts, and a circuit breaker while the server does not respond.

A stopped server or a broken network path does not close connections. Without timeouts each request would block its
thread, until no thread is left, not even for requests that need no database.
"""

import sqlite3
import threading
import time
from collections.abc import Generator
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

PAUSE: Final = 0.5  # seconds after a failed connection attempt, until the next one is allowed
Result = TypeVar("Result")


class CircuitBreaker:
    """Guards connections to one database: while it is down, one attempt at a time; all others fail at once."""

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._lock, self._down, self._next_try = threading.Lock(), False, 0.0

    def install(self, engine: sa.Engine, seconds: float) -> None:
        """Limit the wait for a connection or for a response on this engine to `seconds`."""
        driver = engine.dialect.loaded_dbapi
        connect = _timeout_connection(driver, seconds).connect if engine.driver == "psycopg" else engine.dialect.connect

        @event.listens_for(engine, "do_connect")
        def on_connect(_dialect: Any, _record: object, args: Any, named: Any) -> Any:
            if not self._allow_attempt():
                raise driver.OperationalError("not tried: the last connection attempt failed a moment ago")
            try:
                connection = connect(*args, **named)
            except driver.Error:
                self._down, self._next_try = True, time.monotonic() + self._pause
                raise
            self._down = False
            return connection

        @event.listens_for(engine, "handle_error")
        def on_error(context: sa.engine.ExceptionContext) -> None:
            if is_timeout(context.original_exception):
                # It may have been one slow statement: keep the other connections of the pool.
                context.invalidate_pool_on_disconnect = False

    def _allow_attempt(self) -> bool:
        with self._lock:
            if self._down and time.monotonic() < self._next_try:
                return False
            self._next_try = time.monotonic() + self._pause
            return True


def is_timeout(failure: BaseException | None) -> bool:
    """Whether a driver's error was caused by a timeout, such as the busy timeout of SQLite."""
    if failure is None:
        return False
    is_busy = getattr(failure, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
    return is_busy or isinstance(failure.__cause__ or failure.__context__, TimeoutError)


def timeouts(driver: str, seconds: float) -> dict[str, object]:
    """Options for the driver's `connect`. psycopg has no such options; see `_timeout_connection`."""
    names = ("connect_timeout", "read_timeout", "write_timeout") if driver == "pymysql" else ()
    return dict.fromkeys(names, seconds)


def _timeout_connection(psycopg: Any, seconds: float) -> Any:
    # psycopg is a parameter, so that an installation with SQLite does not load it.
    class TimeoutConnection(psycopg.Connection):  # type: ignore[misc]
        """A connection that waits for its server for at most `seconds`."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, timeout or seconds)
            except psycopg.OperationalError as failure:
                if self.pgconn.transaction_status != psycopg.pq.TransactionStatus.ACTIVE:
                    raise
                self.pgconn.finish()  # a late response would be read as the response to the next statement
                raise psycopg.OperationalError("the database did not respond in time") from TimeoutError(str(failure))

        @classmethod
        def _connect_gen(cls, *args: Any, **named: Any) -> Any:
            # psycopg, like libpq, rounds connect_timeout=1 up to 2.
            too_late = psycopg.OperationalError("the database did not accept a connection in time")
            return _with_deadline(seconds, super()._connect_gen(*args, **named), too_late)

    return TimeoutConnection


def _with_deadline(
    seconds: float, work: Generator[Any, Any, Result], too_late: Exception
) -> Generator[Any, Any, Result]:
    deadline = time.monotonic() + seconds
    wanted = next(work)
    while True:
        ready = yield wanted
        if not ready and time.monotonic() > deadline:
            work.close()
            raise too_late
        try:
            wanted = work.send(ready)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
