"""The unit of work: what stands between `with work:` and `work.commit()` happens wholly or not at all."""

from types import TracebackType
from typing import Self

from app.core.database import db, is_collision, translate_errors
from app.core.errors import Superseded


class UnitOfWork:
    """One transaction of the calling thread. Leaving the block without `commit()` rolls back."""

    def __enter__(self) -> Self:
        return self

    def commit(self) -> None:
        """Make it so; what was not committed before this line returns did not happen."""
        with translate_errors():
            db.session.commit()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with translate_errors():
            db.session.remove()  # hands the connection back too: none is held while a password is hashed
            if is_collision(error):
                raise Superseded from error
            if error is not None:
                raise error
