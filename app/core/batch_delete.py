"""Deletes many rows in batches, each by one short statement that finds its rows by an index.

A list of keys in the statement would not do: for a key of several columns SQLite and MariaDB may search by another
condition instead, and examine all rows that meet it again for every batch.
"""

from collections.abc import Mapping

import sqlalchemy as sa

from app.core.database import db, execute

_most: sa.BindParameter[int] = sa.bindparam("most", type_=sa.Integer())


class BatchDelete:
    """Deletes rows of a table that meet a condition, in the order of a column that has an index."""

    def __init__(self, table: sa.Table, condition: sa.ColumnElement[bool], order: sa.Column[object]) -> None:
        key = tuple(table.primary_key)
        first = sa.select(*key).where(condition).order_by(order).limit(_most).subquery("first")
        # The condition again: the row may have been changed since the subquery read it.
        same = [column == first.c[column.name] for column in key]
        self._joined = sa.delete(table).where(*same, condition)
        # SQLite cannot join here. Nothing is changed meanwhile, because there is one writer.
        rowid: sa.ColumnClause[int] = sa.literal_column("rowid")
        self._by_row = sa.delete(table).where(
            rowid.in_(sa.select(rowid).select_from(table).where(condition).order_by(order).limit(_most))
        )

    def __call__(self, values: Mapping[str, object], most: int) -> int:
        """Delete up to `most` rows in a transaction of its own; how many were deleted."""
        statement = self._by_row if db.engine.dialect.name == "sqlite" else self._joined
        return execute(statement, {**values, "most": most})
