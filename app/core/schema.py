"""The tables' version: whether the database has what this code needs, and whether migrations may run on it."""

import logging
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from app.core.database import Base, fetch_one
from app.core.errors import DatabaseUnavailable

MIGRATIONS: Final = Path(__file__).parent / "migrations"
MAX_NAMED: Final = 6
_version = sa.select(sa.column("version_num", sa.String)).select_from(sa.table("alembic_version"))
logger = logging.getLogger(__name__)


class TablesDiffer(CommandError):
    """The database holds tables that this code can neither use nor migrate; the message says what to do."""


def is_up_to_date() -> bool:
    """Whether every migration of this code was run.

    A version that this code does not know is a later one: while machines are upgraded one by one the older ones go on.
    """
    try:
        row = fetch_one(_version, {})
    except (DatabaseUnavailable, sa.exc.ProgrammingError):  # no such table: nothing was migrated yet
        return False
    return row is not None and (row[0] == _revisions()[0] or row[0] not in _revisions())


def needs_migrations(connection: sa.Connection) -> bool:
    """Whether to run migrations here; `TablesDiffer` where they would fail. Call it under the lock of migrations.

    Tables that `db.create_all()` made get the version whose tables they are. A newer version's are left as they are.
    """
    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _is_ours})
    version = context.get_current_revision()
    if version in _revisions():
        return True
    if version is None and not set(sa.inspect(connection).get_table_names()) & Base.metadata.tables.keys():
        return True
    changes = _flat(compare_metadata(context, Base.metadata))
    differences = [change for change in changes if version is None or _incompatible(change)]
    if differences:
        raise TablesDiffer(_no_version(differences) if version is None else _unknown_version(version, differences))
    if version is None:
        context.stamp(ScriptDirectory(str(MIGRATIONS)), "head")
        logger.warning("the tables had no version; they are those of %s, and are marked so", _revisions()[0])
    else:
        logger.warning("the tables are of a newer version, %s; nothing is migrated", version)
    return False


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name in Base.metadata.tables


def _flat(changes: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    for change in changes:  # what changes about one column comes as a list
        yield from change if isinstance(change, list) else [change]


def _incompatible(change: tuple[Any, ...]) -> bool:
    """Whether older code cannot work with what newer code changed: it lacks something, or must fill something."""
    match change:
        case ("remove_column", _, _, sa.Column() as column):
            return not column.nullable and column.server_default is None
        case (kind, *_):
            return kind in ("add_table", "add_column")
    return False


def _no_version(differences: list[tuple[Any, ...]]) -> str:
    return (
        f"the database has tables of ours without a version, and not those of this code: {_listed(differences)}.\n"
        "If it holds nothing to keep, empty it (SQLite: delete the file) and start again.\n"
        "If an earlier version made it with db.create_all(), say which migration its tables stand at, such as\n"
        f"`flask db stamp {_revisions()[-1]}`, and start again: the later ones are then run."
    )


def _unknown_version(version: str, differences: list[tuple[Any, ...]]) -> str:
    return (
        f"the database has version {version}, unknown to this code, and not what it needs: {_listed(differences)}.\n"
        "It belongs to another program, or to a later version of this one: start that one, or name another database."
    )


def _listed(differences: list[tuple[Any, ...]]) -> str:
    missing = {change[1].name for change in differences if change[0] == "add_table"}
    told = [change for change in differences if change[0] != "add_index" or change[1].table.name not in missing]
    named = [_in_words(change) for change in told[:MAX_NAMED]]
    more = len(told) - len(named)
    return "; ".join([*named, f"and {more} more"] if more else named)


def _in_words(change: tuple[Any, ...]) -> str:
    match change:
        case ("add_table", table):
            return f"table {table.name} is missing"
        case ("add_column", _, table, column):
            return f"column {table}.{column.name} is missing"
        case ("remove_column", _, table, column):
            return f"column {table}.{column.name} is unknown"
        case (kind, _, table, column, *_):
            return f"column {table}.{column} differs ({kind.removeprefix('modify_')})"
        case (kind, item):
            kind, _, what = kind.partition("_")
            return f"{what} {item.name} of {item.table.name} is {'missing' if kind == 'add' else 'unknown'}"
    return str(change[0])


@cache
def _revisions() -> list[str]:
    return [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
