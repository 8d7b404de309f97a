"""The tables' version: whether the database has what this code needs."""

from functools import cache
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from app.core.database import fetch
from app.core.errors import DatabaseBusy

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_version = sa.select(sa.column("version_num", sa.String)).select_from(sa.table("alembic_version"))


def is_up_to_date() -> bool:
    """Whether every migration of this code was run.

    A version that this code does not know is a later one: while machines are upgraded one by one the older ones go on.
    """
    try:
        row = fetch(_version, {})
    except (DatabaseBusy, sa.exc.ProgrammingError):  # no such table: nothing was migrated yet
        return False
    return row is not None and (row[0] == _revisions()[0] or row[0] not in _revisions())


@cache
def _revisions() -> list[str]:
    return [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
