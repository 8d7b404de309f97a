"""Gives a task to one process at a time, decided by one conditional UPDATE or the primary key."""

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.core.database import execute, fetch_one, table_of
from app.domain.leases.model import Lease

_leases = table_of(Lease)
_row: dict[str, sa.BindParameter[Any]] = {
    "task": sa.bindparam("this_task"),
    "holder": sa.bindparam("this_process"),
    "until": sa.bindparam("new_until"),
}
_this = _leases.c.task == sa.bindparam("this_task")
_acquire = (
    sa.update(_leases)
    .where(_this, _leases.c.until <= sa.bindparam("now"))
    .values(holder=_row["holder"], until=_row["until"])
)
_renew = sa.update(_leases).where(_this, _leases.c.holder == sa.bindparam("this_process")).values(until=_row["until"])
_exists = sa.select(sa.literal(1)).where(_this)
_insert = sa.insert(_leases).values(_row)


class Leases:
    """The leases of this process, which has a random id as holder."""

    def __init__(self) -> None:
        self._process_id = str(uuid.uuid4())

    def acquire(self, task: str, now: datetime, until: datetime) -> bool:
        """Take the task until `until`; False while any process, this one included, has it."""
        values = self._values(task, until)
        if execute(_acquire, values | {"now": now}) == 1:
            return True
        if fetch_one(_exists, {"this_task": task}) is not None:
            return False  # its lease has not expired
        try:
            execute(_insert, values)
        except sa.exc.IntegrityError:
            return False  # another process inserted the row first
        return True

    def renew(self, task: str, until: datetime) -> bool:
        """Extend the lease; False if another process has taken the task."""
        return execute(_renew, self._values(task, until)) == 1

    def _values(self, task: str, until: datetime) -> dict[str, object]:
        return {"this_task": task, "this_process": self._process_id, "new_until": until}
