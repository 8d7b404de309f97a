"""Engines, the declarative base, and translation of driver errors.

`db.session` is for units of work. `fetch_one`, `fetch_all` and `execute` run one statement in autocommit mode, which
saves frequent routes the round trips of BEGIN and COMMIT.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase

from app.core import sqlite
from app.core.active_requests import MOST_WITH_SQLITE, active_requests
from app.core.db_timeouts import CircuitBreaker, is_timeout, timeouts
from app.core.errors import DatabaseUnavailable
from app.core.prepared_statements import PreparedStatements

AUTOCOMMIT = "autocommit"
TIMEOUT = "latchkey_timeout"
# Each process has two pools, so an instance of two workers stays below PostgreSQL's usual limit of 100 connections.
POOL_SIZE = 16
# Whole seconds: Flask-SQLAlchemy's engine_from_config makes integers of these options, and 0.5 would become 0. A thread
# waits that long only on an overloaded machine; an unresponsive database ends the wait sooner (docs/decisions/0016).
POOL_TIMEOUT = 10
POOL: dict[str, Any] = {
    "pool_size": POOL_SIZE,
    "max_overflow": 0,
    "pool_timeout": POOL_TIMEOUT,
    "pool_recycle": 1800,
    "hide_parameters": True,
}
DEADLOCKS = {"40001", "40P01", 1213}  # PostgreSQL: serialisation failure, deadlock; MariaDB: deadlock
# Unique or foreign key: another transaction inserted the same row, or deleted the row that ours refers to.
COLLISIONS = {"23505", "23503", 1062, 1452, 1555, 2067, 787}  # two of PostgreSQL, two of MariaDB, three of SQLite


class Base(DeclarativeBase):
    """Base of all models: named constraints; binary collation on MariaDB, whose default ignores case and accents."""

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

# mypy does not understand the class that Flask-SQLAlchemy generates, but models need it at run time.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def table_of(model: type[Base]) -> sa.Table:
    """The table of a model, for statements that load no entity."""
    return cast(sa.Table, model.__table__)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime in UTC with microseconds, also on databases that store no time zone."""

    impl = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone cannot be stored")
        return value.astimezone(UTC) if dialect.name == "postgresql" else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class database_now(sa.sql.functions.GenericFunction[datetime]):  # noqa: N801 - named like a SQL function
    """The database's clock, which all processes share."""

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
    """Raise `DatabaseUnavailable` for an unreachable, full or locked database; other errors pass unchanged."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError, sa.exc.TimeoutError) as failure:
        raise DatabaseUnavailable(transient=_is_transient(failure)) from failure
    except sa.exc.ProgrammingError as failure:
        if not failure.connection_invalidated:
            raise
        raise DatabaseUnavailable(transient=True) from failure  # a prepared statement was lost


def _is_transient(failure: sa.exc.SQLAlchemyError) -> bool:
    # A dead connection has been removed from the pool, and the victim of a deadlock can run again.
    # After a timeout the caller gets the error at once, as a second attempt would wait for as long again.
    if not isinstance(failure, sa.exc.DBAPIError) or is_timeout(failure.orig):
        return False
    return failure.connection_invalidated or bool(driver_codes(failure.orig) & DEADLOCKS)


def is_collision(error: BaseException | None) -> bool:
    """Whether a statement violated a unique or foreign key because of a parallel transaction."""
    return isinstance(error, sa.exc.IntegrityError) and bool(driver_codes(error.orig) & COLLISIONS)


def driver_codes(error: BaseException | None) -> set[object]:
    """The codes that a driver's error has: an SQLSTATE, or a number of SQLite or MariaDB."""
    named = {getattr(error, name, None) for name in ("sqlstate", "sqlite_errorcode")}
    return named.union(error.args[:1] if error else ())


def reading_engine() -> sa.Engine:
    """The engine for single SELECTs."""
    return db.engines[AUTOCOMMIT]


def writing_engine() -> sa.Engine:
    """The engine for statements that commit by themselves. On SQLite all writes share one connection, see _options."""
    return db.engines[AUTOCOMMIT] if db.engine.dialect.name != "sqlite" else db.engine


def refuse_within_unit_of_work() -> None:
    """Raise `RuntimeError` within a unit of work: on SQLite a second writer would wait for its own thread's lock."""
    if db.session.registry.has() and db.session().in_transaction():
        raise RuntimeError("this statement commits by itself: within a unit of work use execute_in_transaction()")


@contextmanager
def driver_connection(engine: sa.Engine) -> Iterator[Any]:
    """A connection of the driver in autocommit mode, from the pool of the engine; after an error it is closed."""
    with translate_errors():
        connection = engine.raw_connection()
    try:
        with translate_errors():
            sqlite.take_turn(connection.info)
        yield connection
    except BaseException as failure:
        connection.invalidate(failure)
        raise
    finally:
        connection.close()


def fetch_one(statement: sa.Executable, values: Mapping[str, object]) -> Sequence[Any] | None:
    """Run one SELECT in autocommit mode and return its first row, or None."""
    with translate_errors(), reading_engine().connect() as connection:
        return connection.execute(statement, values).first()


def fetch_all(statement: sa.Executable, values: Mapping[str, object] | None = None) -> Sequence[Sequence[Any]]:
    """Run one SELECT in autocommit mode and return all its rows."""
    with translate_errors(), reading_engine().connect() as connection:
        return connection.execute(statement, values or {}).all()


def execute(statement: sa.Executable, values: Mapping[str, object]) -> int:
    """Run one INSERT, UPDATE or DELETE in autocommit mode and return the number of rows that it changed.

    Raises `RuntimeError` within a unit of work.
    """
    refuse_within_unit_of_work()
    engine = writing_engine()
    with translate_errors(), engine.begin() if engine is db.engine else engine.connect() as connection:
        return connection.execute(statement, values).rowcount


def execute_in_transaction(statement: sa.Executable, values: Mapping[str, object] | None = None) -> int:
    """Run one INSERT, UPDATE or DELETE in the caller's unit of work and return the number of rows that it changed."""
    return cast("sa.CursorResult[Any]", db.session.execute(statement, values)).rowcount


def execute_one(statement: sa.Executable) -> bool:
    """Run one INSERT, UPDATE or DELETE in the caller's unit of work, and tell whether it changed exactly one row."""
    return execute_in_transaction(statement) == 1


_write_nothing = sa.text("UPDATE alembic_version SET version_num = version_num WHERE 1 = 0")


def ping() -> bool:
    """Whether the database reads and, except on SQLite, also writes now, in both ways that requests use."""
    try:
        if fetch_one(sa.select(sa.literal(1)), {}) is None:
            return False
        if db.engine.dialect.name != "sqlite":  # its write lock may be in use for seconds
            with translate_errors(), db.engine.begin() as connection:
                connection.execute(_write_nothing)  # fails on a read-only replica
    except DatabaseUnavailable:
        return False
    except sa.exc.ProgrammingError:  # no such table: no migration has run yet
        return True
    return True


def init_database(app: Flask, url: str, *, timeout: float = 1, prepared_statements: str = "auto") -> None:
    """Connect the app to `url`: one engine for units of work, and one in autocommit mode.

    `timeout` is how many seconds to wait for a connection or for a response before `DatabaseUnavailable` is raised. On
    SQLite the write lock is waited for longer: `sqlite.BUSY_TIMEOUT_MS`. `prepared_statements` is for PostgreSQL.
    """
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options = _options(sa.make_url(url), timeout)
    # Flask-SQLAlchemy applies its engine options to the default bind only. Without them this engine would keep 5
    # connections and close the others after every burst, wait 30 s for one, and show values in errors.
    autocommit = {"url": url, "poolclass": sa.QueuePool, "pool_size": POOL_SIZE, "isolation_level": "AUTOCOMMIT"}
    app.config["SQLALCHEMY_BINDS"] = {AUTOCOMMIT: options | autocommit}
    db.init_app(app)
    with app.app_context():
        breaker, prepared = CircuitBreaker(), PreparedStatements(prepared_statements)
        for engine in db.engines.values():
            engine.update_execution_options(**{TIMEOUT: timeout})
            _prepare(engine, prepared)
            if engine.dialect.name != "sqlite":
                breaker.install(engine, timeout)
        if db.engine.dialect.name == "sqlite":
            sqlite.write_in_turn(db.engine)
            active_requests.limit(MOST_WITH_SQLITE)


def _options(url: sa.URL, timeout: float) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        # SQLite has one write lock. Its busy handler sleeps and retries in no order, so some threads time out.
        # A pool of one connection for writing serves waiting threads in order.
        return POOL | {"pool_size": 1, "poolclass": sqlite.WritingPool}
    # READ COMMITTED is the default of PostgreSQL. MariaDB's default, REPEATABLE READ, locks the gap where a row was not
    # found, and two transactions that then insert into that gap deadlock: parallel deliverers did so regularly.
    return POOL | {"isolation_level": "READ COMMITTED", "connect_args": timeouts(url.get_driver_name(), timeout)}


def timeout_of(engine: sa.Engine) -> float:
    """How many seconds the engine waits for a response."""
    return float(engine.get_execution_options()[TIMEOUT])


def migration_engine() -> sa.Engine:
    """An engine for migrations, on SQLite without foreign keys: rebuilding a table drops it, which would cascade."""
    engine = sa.create_engine(db.engine.url, poolclass=sa.pool.NullPool)
    _prepare(engine, PreparedStatements("off"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=OFF"))
        sqlite.write_in_turn(engine)
    return engine


def _prepare(engine: sa.Engine, prepared_statements: PreparedStatements) -> None:
    if engine.dialect.name == "sqlite":
        sqlite.configure(engine)
    elif engine.dialect.name == "postgresql":
        prepared_statements.install(engine)
        event.listen(engine, "connect", _refuse_other_encodings, insert=True)  # before SQLAlchemy asks for the version


def _refuse_other_encodings(connection: Any, _record: object) -> None:
    # In SQL_ASCII, the default of a server set up without a locale, lengths are bytes and text is not validated.
    encoding = connection.info.parameter_status("server_encoding")
    if encoding is None:  # a pooler need not announce it
        (encoding,) = connection.execute("SHOW server_encoding").fetchone()
        connection.rollback()
    if encoding != "UTF8":
        raise db.engine.dialect.loaded_dbapi.OperationalError(
            f"Its encoding is {encoding}. Create it again: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
