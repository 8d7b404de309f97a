"""The statements of the most frequent routes, compiled once and run on the driver's own cursor.

Running a statement through a SQLAlchemy connection takes four times as long as the query itself: an execution context,
a result object and a cache look-up each time. Here SQLAlchemy compiles the SQL and keeps the pool and the types, and
the rest is left out. What fails is run again in the ordinary way, which handles errors: broken connections, deadlocks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import sqlalchemy as sa

from app.core.database import (
    driver_connection,
    execute,
    fetch_one,
    reading_engine,
    refuse_within_unit_of_work,
    writing_engine,
)
from app.core.db_timeouts import is_timeout
from app.core.errors import DatabaseUnavailable

Result = TypeVar("Result")
Processor = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Sql:
    """The SQL of a statement for one dialect, its parameters in order, and what converts their values and a row's."""

    text: str
    constants: Mapping[str, Any]
    order: Sequence[str]
    named: bool
    to_driver: Sequence[tuple[str, Processor]]
    from_driver: Sequence[tuple[int, Processor]]

    @classmethod
    def of(cls, statement: sa.Executable, dialect: sa.Dialect) -> Self:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        to_driver = [
            (name, process)
            for name, parameter in compiled.binds.items()
            if (process := parameter.type.dialect_impl(dialect).bind_processor(dialect))
        ]
        from_driver = [
            (position, process)
            for position, column in enumerate(getattr(statement, "selected_columns", ()))
            if (process := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        named = dialect.paramstyle in ("pyformat", "named")
        return cls(str(compiled), constants, compiled.positiontup or (), named, to_driver, from_driver)

    def run(self, cursor: Any, values: Mapping[str, Any]) -> None:
        given: dict[str, Any] = {**self.constants, **values}
        for name, process in self.to_driver:
            given[name] = process(given[name])
        cursor.execute(self.text, given if self.named else [given[name] for name in self.order])

    def row(self, cursor: Any) -> list[Any] | None:
        found = cursor.fetchone()
        if found is None:
            return None
        row = list(found)
        for position, process in self.from_driver:
            row[position] = process(row[position])
        return row


class _Compiled:
    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._sql: dict[sa.Dialect, _Sql] = {}

    def _run(self, engine: sa.Engine, values: Mapping[str, Any], result: Callable[[_Sql, Any], Result]) -> Result:
        """The result. Raises `_RunOrdinarily` if the statement has to be run in the ordinary way."""
        if engine.dispatch.before_cursor_execute:  # something observes statements, such as tracing
            raise _RunOrdinarily
        sql = self._sql.get(engine.dialect)
        if sql is None:
            sql = self._sql[engine.dialect] = _Sql.of(self._statement, engine.dialect)
        try:
            with driver_connection(engine) as connection:
                cursor = connection.cursor()
                try:
                    sql.run(cursor, values)
                    return result(sql, cursor)
                finally:
                    cursor.close()
        except engine.dialect.loaded_dbapi.Error as failure:
            if is_timeout(failure):  # a second attempt would wait for as long again
                raise DatabaseUnavailable(transient=False) from failure
            raise _RunOrdinarily from failure


class _RunOrdinarily(Exception):
    """The statement cannot be run here."""


class CompiledSelect(_Compiled):
    """A SELECT that returns at most one row."""

    def first(self, values: Mapping[str, Any]) -> Sequence[Any] | None:
        """The row, or None, in autocommit mode. Raises `DatabaseUnavailable`."""
        try:
            return self._run(reading_engine(), values, _Sql.row)
        except _RunOrdinarily:
            return fetch_one(self._statement, values)


class CompiledWrite(_Compiled):
    """An INSERT, UPDATE or DELETE that commits by itself."""

    def execute(self, values: Mapping[str, Any]) -> int:
        """The number of rows that it changed. Raises what `database.execute` raises.

        If the connection broke, the first attempt may have succeeded. The second is then like a repeated request.
        """
        refuse_within_unit_of_work()
        try:
            return self._run(writing_engine(), values, lambda _, cursor: int(cursor.rowcount))
        except _RunOrdinarily:
            return execute(self._statement, values)
