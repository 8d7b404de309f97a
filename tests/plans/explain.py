"""Asks the database for the plan of each statement when it first runs, and notes the tables that it would read."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app.core.database import db

VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
INSERT_VALUES = re.compile(r"INSERT INTO \w+ \([^)]*\) VALUES ")  # reads nothing
TIME_LIMIT = re.compile(r"SET STATEMENT \S+ FOR ")
SQLITE_SCAN = re.compile(r"SCAN (\w+)")
FEW_ROWS = {"alembic_version", "audit_head", "leases", "signing_keys"}  # however many accounts there are


@dataclass
class Plans:
    """The statements that were explained; `scans` has the tables that each of them would read as a whole.

    Also an index that is read from its beginning, without a condition, counts as a whole table.
    """

    explained: set[str] = field(default_factory=set)
    scans: dict[str, set[str]] = field(default_factory=dict)

    def note(self, connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        """A listener for `before_cursor_execute`."""
        text = TIME_LIMIT.sub("", statement)
        if text in self.explained or not text.startswith(VERBS) or INSERT_VALUES.match(text):
            return
        self.explained.add(text)
        values = parameters[0] if isinstance(parameters, list) else parameters
        cursor = connection.connection.driver_connection.cursor()
        try:
            scanned = _SCANNED[connection.dialect.name](cursor, text, values) - FEW_ROWS
        finally:
            cursor.close()
        if scanned:
            self.scans[text] = scanned


@contextmanager
def explained(app: Flask) -> Iterator[Plans]:
    """Explain all that runs on the app's engines meanwhile."""
    plans = Plans()
    with app.app_context():
        engines = [*db.engines.values()]
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", plans.note)
    try:
        yield plans
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", plans.note)


def _sqlite(cursor: Any, statement: str, values: Any) -> set[str]:
    rows = cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    return {table for row in rows for table in SQLITE_SCAN.findall(row[3]) if table in db.metadata.tables}


def _postgresql(cursor: Any, statement: str, values: Any) -> set[str]:
    # A small table is read as a whole although it has an index. This setting makes that the last choice.
    cursor.execute("SET enable_seqscan = off")
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", values)
    (plan,) = cursor.fetchone()
    cursor.execute("RESET enable_seqscan")
    return set(_walked(plan[0]["Plan"]))


def _walked(node: dict[str, Any]) -> Iterator[str]:
    kind = node["Node Type"]
    if "Relation Name" in node and (kind == "Seq Scan" or (kind.startswith("Index") and "Index Cond" not in node)):
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from _walked(child)


def _mysql(cursor: Any, statement: str, values: Any) -> set[str]:
    cursor.execute(f"EXPLAIN FORMAT=JSON {statement}", values)
    (plan,) = cursor.fetchone()
    return set(_read_whole(json.loads(plan)))


def _read_whole(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from _read_whole(child)
    elif isinstance(node, dict):
        if node.get("access_type") in ("ALL", "index") and node.get("table_name") in db.metadata.tables:
            yield node["table_name"]
        for child in node.values():
            yield from _read_whole(child)


_SCANNED = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}
