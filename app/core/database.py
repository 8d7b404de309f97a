"""The database: one declarative base, two engines, and the words in which it may fail.

`db.session` is for units of work (core.work); `fetch` and `change` run one statement on an engine that
commits by itself, which saves a hot route the round trips of BEGIN and COMMIT.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase

from app.core.db_timeouts import CircuitBreaker, is_timeout, timeouts
from app.core.errors import DatabaseUnavailable

BUSY_TIMEOUT_MS = 5_000
AUTOCOMMIT = "autocommit"
# Each process has two pools, so an instance of two workers stays below PostgreSQL's usual limit of 100 connections.
POOL_SIZE = 16
# Whole seconds, as Flask-SQLAlchemy has SQLAlchemy make integers of these options: 0.5 would be 0. No thread waits that
# long unless the machine cannot keep up; a silent database ends the wait sooner (docs/decisions/0016).
POOL_TIMEOUT = 10
POOL: dict[str, Any] = {
    "pool_size": POOL_SIZE,
    "max_overflow": 0,
    "pool_timeout": POOL_TIMEOUT,
    "pool_recycle": 1800,
    "hide_parameters": True,
}
DEADLOCKS = {"40001", "40P01", 1213}  # PostgreSQL: serialisation failure, deadlock; MariaDB: deadlock
# A unique key or a foreign key: another transaction has inserted the row, or deleted the one that ours refers to.
COLLISIONS = {"23505", "23503", 1062, 1452, 1555, 2067, 787}  # two of PostgreSQL, two of MariaDB, three of SQLite


class Base(DeclarativeBase):
    """Every table: named constraints, and bytewise comparison on MariaDB (whose default folds case and accents)."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __table_args__: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})

# mypy cannot follow flask-sqlalchemy's generated class; at run time the models need that one.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def table_of(model: type[Base]) -> sa.Table:
    """The table behind a model, for statements that need no entity."""
    return cast(sa.Table, model.__table__)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment in UTC with microseconds, on databases that keep a time zone and on those that do not."""

    impl = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be kept")
        return value.astimezone(UTC) if dialect.name == "postgresql" else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class database_now(sa.sql.functions.GenericFunction[datetime]):  # noqa: N801 - reads as a function in a statement
    """The database's own clock: the one clock that all our machines share."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _sqlite_now(*_: object, **_options: object) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


@compiles(database_now, "postgresql")
def _postgresql_now(*_: object, **_options: object) -> str:
    return "clock_timestamp()"


@compiles(database_now, "mysql")
def _mysql_now(*_: object, **_options: object) -> str:
    return "UTC_TIMESTAMP(6)"


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn an unreachable, full or locked database into `DatabaseBusy`; a programming error stays one."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError, sa.exc.TimeoutError) as failure:
        raise DatabaseUnavailable(transient=_is_transient(failure)) from failure


def _is_transient(failure: sa.exc.SQLAlchemyError) -> bool:
    # A connection that died in the pool is gone from it now; the loser of a deadlock may simply play again.
    # Whoever has waited in vain is told so, and does not begin to wait again.
    if not isinstance(failure, sa.exc.DBAPIError) or is_timeout(failure.orig):
        return False
    return failure.connection_invalidated or bool(_codes(failure.orig) & DEADLOCKS)


def is_collision(error: BaseException | None) -> bool:
    """Whether what a parallel transaction did made a statement of this one impossible."""
    return isinstance(error, sa.exc.IntegrityError) and bool(_codes(error.orig) & COLLISIONS)


def _codes(error: BaseException | None) -> set[object]:
    named = {getattr(error, name, None) for name in ("sqlstate", "sqlite_errorcode")}
    return named.union(error.args[:1] if error else ())


def fetch_one(statement: sa.Executable, values: Mapping[str, object]) -> Sequence[Any] | None:
    """The first row of one reading statement, outside any transaction."""
    with translate_errors(), db.engines[AUTOCOMMIT].connect() as connection:
        return connection.execute(statement, values).first()


def fetch_all(statement: sa.Executable, values: Mapping[str, object] | None = None) -> Sequence[Sequence[Any]]:
    """All rows of one reading statement, outside any transaction."""
    with translate_errors(), db.engines[AUTOCOMMIT].connect() as connection:
        return connection.execute(statement, values or {}).all()


def execute(statement: sa.Executable, values: Mapping[str, object]) -> int:
    """Run one writing statement that commits by itself; the number of rows it changed is the verdict.

    Not within a unit of work, which it would wait for on SQLite: `RuntimeError`.
    """
    if db.session.registry.has() and db.session().in_transaction():
        raise RuntimeError("a statement that commits by itself has no place in a unit of work")
    with translate_errors(), _writing() as connection:
        return connection.execute(statement, values).rowcount


def execute_in_transaction(statement: sa.Executable, values: Mapping[str, object] | None = None) -> int:
    """Run one writing statement within the caller's unit of work; the number of rows it changed."""
    return cast("sa.CursorResult[Any]", db.session.execute(statement, values)).rowcount


def execute_one(statement: sa.Executable) -> bool:
    """Run one writing statement within the caller's unit of work; whether it changed exactly one row."""
    return execute_in_transaction(statement) == 1


def _writing() -> AbstractContextManager[sa.Connection]:
    if db.engine.dialect.name == "sqlite":  # through the only connection that writes
        return db.engine.begin()
    return db.engines[AUTOCOMMIT].connect()


def ping() -> bool:
    """Whether the database answers a question now."""
    try:
        return fetch_one(sa.select(sa.literal(1)), {}) is not None
    except DatabaseUnavailable:
        return False


def init_database(app: Flask, url: str, *, timeout: float = 1) -> None:
    """Bind the app to `url`: one engine for units of work, one that commits each statement.

    A server that says nothing for `timeout` seconds means `DatabaseBusy`. SQLite's lock is waited for longer.
    """
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options = _options(sa.make_url(url), timeout)
    # Flask-SQLAlchemy gives its engine options to the default bind alone: without repeating them here, this engine
    # would open and close connections beyond 5 in every burst, wait 30 s for one, and show values in errors.
    autocommit = {"url": url, "pool_size": POOL_SIZE, "isolation_level": "AUTOCOMMIT"}
    app.config["SQLALCHEMY_BINDS"] = {AUTOCOMMIT: options | autocommit}
    db.init_app(app)
    with app.app_context():
        line = CircuitBreaker()
        for engine in db.engines.values():
            _prepare(engine)
            if engine.dialect.name != "sqlite":
                line.install(engine, timeout)
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "begin", _begin_immediately)


def _options(url: sa.URL, timeout: float) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        # There is one write lock. Threads that wait for it in SQLite sleep and try again, and some time out.
        # Those that wait for the only connection that writes get it in the order in which they came.
        return POOL | {"pool_size": 1}
    # READ COMMITTED is what PostgreSQL does anyway. MariaDB's own level locks the gap where a row was looked for in
    # vain, and two who then insert into that gap deadlock: deliverers that begin challenges did so all the time.
    return POOL | {"isolation_level": "READ COMMITTED", "connect_args": timeouts(url.get_driver_name(), timeout)}


def migration_engine() -> sa.Engine:
    """An engine for migrations: on SQLite without foreign keys, for rebuilding a table drops it and would cascade."""
    engine = sa.create_engine(db.engine.url, poolclass=sa.pool.NullPool)
    _prepare(engine)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=OFF"))
        event.listen(engine, "begin", _begin_immediately)
    return engine


def _prepare(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    elif engine.dialect.name == "postgresql":  # before SQLAlchemy asks it for its version
        event.listen(engine, "connect", _refuse_other_encodings, insert=True)


def _refuse_other_encodings(connection: Any, _record: object) -> None:
    # In SQL_ASCII, what a server has that was set up without a locale, lengths are bytes and text is anything.
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise db.engine.dialect.loaded_dbapi.OperationalError(
            f"Its encoding is {encoding}. Make it anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediately(connection: sa.Connection) -> None:
    # A unit of work is there to write. Taking the write lock at once makes writers queue under the busy
    # timeout; upgrading a read lock later would fail outright with SQLITE_BUSY.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
