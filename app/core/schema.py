"""The schema version: whether the database has the tables this code needs, and whether migrations may run."""

import logging
from collections.abc import Callable, Iterable, Iterator
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
    """The database has tables that this code can neither use nor migrate. The message says what to do."""


def is_up_to_date() -> bool:
    """Whether every migration of this code has run.

    An unknown version counts as a newer one: during a rolling upgrade the older instances keep serving.
    """
    try:
        row = fetch_one(_version, {})
    except (DatabaseUnavailable, sa.exc.ProgrammingError):  # no such table: no migration has run yet
        return False
    return row is not None and (row[0] == _revisions()[0] or row[0] not in _revisions())


def needs_migrations(connection: sa.Connection) -> bool:
    """Whether to run migrations. Raises `TablesDiffer` if they would fail. The caller holds the migration lock.

    Tables that `db.create_all()` created are stamped with the current version if they equal it. Tables of a newer
    version are left unchanged.
    """
    opts = {"compare_type": True, "include_name": _is_ours, "include_object": belongs_to(connection.dialect)}
    context = MigrationContext.configure(connection, opts=opts)
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
        logger.warning("the tables had no version; they equal those of %s and are stamped with it", _revisions()[0])
    else:
        logger.warning("the tables have a newer version, %s; no migration is run", version)
    return False


def belongs_to(dialect: sa.Dialect) -> Callable[..., bool]:
    """For alembic's `include_object`: leaves out the indexes that only another kind of database has."""

    def include(item: Any, _name: object, _kind: str, _reflected: object, _other: object) -> bool:
        return bool(getattr(item, "info", {}).get("dialect", dialect.name) == dialect.name)

    return include


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name in Base.metadata.tables


def _flat(changes: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    for change in changes:  # alembic groups the changes of one column in a list
        yield from change if isinstance(change, list) else [change]


def _incompatible(change: tuple[Any, ...]) -> bool:
    """Whether older code cannot use a newer schema: something is missing, or a new column must be filled."""
    match change:
        case ("remove_column", _, _, sa.Column() as column):
            return not column.nullable and column.server_default is None
        case (kind, *_):
            return kind in ("add_table", "add_column")
    return False


def _no_version(differences: list[tuple[Any, ...]]) -> str:
    return (
        f"the database has tables without a version that differ from those of this code: {_listed(differences)}.\n"
        "If you do not need its data, empty it (SQLite: delete the file) and start again.\n"
        "If an earlier version created it with db.create_all(), stamp it with the migration its tables equal, as in\n"
        f"`flask db stamp {_revisions()[-1]}`, and start again: the later migrations are then run."
    )


def _unknown_version(version: str, differences: list[tuple[Any, ...]]) -> str:
    return (
        f"the database has the unknown version {version} and lacks what this code needs: {_listed(differences)}.\n"
        "It belongs to another program or to a later version of this one. Start that one, or set another DATABASE_URL."
    )


def _listed(differences: list[tuple[Any, ...]]) -> str:
    missing = {change[1].name for change in differences if change[0] == "add_table"}
    shown = [change for change in differences if change[0] != "add_index" or change[1].table.name not in missing]
    named = [_in_words(change) for change in shown[:MAX_NAMED]]
    more = len(shown) - len(named)
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
