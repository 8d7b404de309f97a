"""A database that has fallen silent: whoever waits for it gives up soon, and for a moment nobody else begins to wait.

A stopped server or a dead network path closes no connection. Without this, each request would hold a thread for as
long as that lasts, until no thread is left for those that need no database.
"""

import threading
import time
from collections.abc import Generator
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

PAUSE: Final = 0.5  # seconds for which connecting is not tried again after it failed
Result = TypeVar("Result")


class CircuitBreaker:
    """The way to one database. One at a time tries it while it is down; the others fail at once."""

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._lock, self._down, self._next_try = threading.Lock(), False, 0.0

    def install(self, engine: sa.Engine, seconds: float) -> None:
        """Let nobody on this engine wait for longer than `seconds` for a connection or for an answer."""
        driver = engine.dialect.loaded_dbapi
        connect = _timeout_connection(driver, seconds).connect if engine.driver == "psycopg" else engine.dialect.connect

        @event.listens_for(engine, "do_connect")
        def dial(_dialect: Any, _record: object, args: Any, named: Any) -> Any:
            if not self._allow_attempt():
                raise driver.OperationalError("not tried: the database was away a moment ago")
            try:
                connection = connect(*args, **named)
            except driver.Error:
                self._down, self._next_try = True, time.monotonic() + self._pause
                raise
            self._down = False
            return connection

        @event.listens_for(engine, "handle_error")
        def listen(context: sa.engine.ExceptionContext) -> None:
            if is_timeout(context.original_exception):
                # It may have been one slow statement: the other connections of the pool are still good.
                context.invalidate_pool_on_disconnect = False

    def _allow_attempt(self) -> bool:
        with self._lock:
            if self._down and time.monotonic() < self._next_try:
                return False
            self._next_try = time.monotonic() + self._pause
            return True


def is_timeout(failure: BaseException | None) -> bool:
    """Whether a driver failed because it had waited long enough."""
    return failure is not None and isinstance(failure.__cause__ or failure.__context__, TimeoutError)


def timeouts(driver: str, seconds: float) -> dict[str, object]:
    """What the driver is told when it connects. psycopg cannot be told: see `Line.watch`."""
    names = ("connect_timeout", "read_timeout", "write_timeout") if driver == "pymysql" else ()
    return dict.fromkeys(names, seconds)


def _timeout_connection(psycopg: Any, seconds: float) -> Any:
    # Handed in, not imported: who runs SQLite starts without it.
    class Impatient(psycopg.Connection):  # type: ignore[misc]
        """A connection that waits for its server no longer than that."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, timeout or seconds)
            except psycopg.OperationalError as failure:
                if self.pgconn.transaction_status != psycopg.pq.TransactionStatus.ACTIVE:
                    raise
                self.pgconn.finish()  # the answer may still come, and would be taken for that to another question
                raise psycopg.OperationalError("the database fell silent") from TimeoutError(str(failure))

        @classmethod
        def _connect_gen(cls, *args: Any, **named: Any) -> Any:
            # The driver takes connect_timeout=1 for 2, as libpq does.
            too_late = psycopg.OperationalError("the database does not take a connection")
            return _with_deadline(seconds, super()._connect_gen(*args, **named), too_late)

    return Impatient


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
