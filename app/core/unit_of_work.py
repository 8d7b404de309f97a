"""The unit of work: everything between `with work:` and `work.commit()` is one transaction."""

from types import TracebackType
from typing import Self

from app.core.database import db, is_collision, translate_errors
from app.core.errors import Superseded


class UnitOfWork:
    """One transaction of the calling thread. Leaving the block without `commit()` rolls back.

    Raises `Superseded` if a parallel transaction caused a unique or foreign key violation, and `DatabaseUnavailable`.
    """

    def __enter__(self) -> Self:
        return self

    def commit(self) -> None:
        """Commit the transaction. Raises `DatabaseUnavailable` if that fails."""
        with translate_errors():
            db.session.commit()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with translate_errors():
            db.session.remove()  # also returns the connection to the pool, so that none is held during hashing
            if is_collision(error):
                raise Superseded from error
            if error is not None:
                raise error
