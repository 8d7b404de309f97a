"""Hands a task to one process at a time: one conditional UPDATE, or the primary key, decides who."""

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.core.database import execute, fetch_one, table_of
from app.domain.leases.model import Lease

_leases = table_of(Lease)
_row: dict[str, sa.BindParameter[Any]] = {
    "task": sa.bindparam("the_task"),
    "holder": sa.bindparam("me"),
    "until": sa.bindparam("end"),
}
_this = _leases.c.task == sa.bindparam("the_task")
_acquire = (
    sa.update(_leases)
    .where(_this, _leases.c.until <= sa.bindparam("now"))
    .values(holder=_row["holder"], until=_row["until"])
)
_renew = sa.update(_leases).where(_this, _leases.c.holder == sa.bindparam("me")).values(until=_row["until"])
_there = sa.select(sa.literal(1)).where(_this)
_begin = sa.insert(_leases).values(_row)


class Leases:
    """The leases that this process asks for, all under one name of its own."""

    def __init__(self) -> None:
        self._me = str(uuid.uuid4())

    def acquire(self, task: str, now: datetime, until: datetime) -> bool:
        """Make the task ours until a moment; False while somebody, also we, has it."""
        ours = {"the_task": task, "me": self._me, "end": until}
        if execute(_acquire, ours | {"now": now}) == 1:
            return True
        if fetch_one(_there, {"the_task": task}) is not None:
            return False  # it is somebody's
        try:
            execute(_begin, ours)
        except sa.exc.IntegrityError:
            return False  # somebody else began at the same moment
        return True

    def renew(self, task: str, until: datetime) -> bool:
        """Keep what is ours for longer; False if it became somebody else's meanwhile."""
        return execute(_renew, {"the_task": task, "me": self._me, "end": until}) == 1
