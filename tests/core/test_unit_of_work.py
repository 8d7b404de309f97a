"""The unit of work: all of it is committed, or none."""

import pytest
import sqlalchemy as sa

from app.core.database import db, fetch_all
from app.core.errors import DatabaseUnavailable
from app.core.unit_of_work import UnitOfWork
from app.domain.tokens.model import SigningKey

ROW = {
    "kid": "k", "algorithm": "ES256", "private_key": "-", "created_at": sa.func.now(), "signs_from": sa.func.now(),
}  # fmt: skip


@pytest.fixture
def kept(each_app):
    """Reads the rows of a table from outside the transaction, in an app context."""
    with each_app.app_context():
        yield lambda: [row.kid for row in fetch_all(sa.select(SigningKey.kid))]


def write():
    db.session.execute(sa.insert(SigningKey).values(ROW))


def write_and_fail(before=lambda: None):
    write()
    before()
    raise ZeroDivisionError


def test_what_was_committed_stays(kept):
    with UnitOfWork() as work:
        write()
        work.commit()
    assert kept() == ["k"]


def test_leaving_without_a_commit_takes_everything_back(kept):
    with UnitOfWork():
        write()
    assert kept() == []


def test_an_error_takes_everything_back_and_goes_on(kept):
    with pytest.raises(ZeroDivisionError), UnitOfWork():
        write_and_fail()
    assert kept() == []


def test_what_was_committed_before_an_error_stays(kept):
    with pytest.raises(ZeroDivisionError), UnitOfWork() as work:
        write_and_fail(work.commit)
    assert kept() == ["k"]


@pytest.mark.parametrize("end", ["commit", "leave", "fail"])
def test_afterwards_no_connection_is_held(kept, end):
    try:
        with UnitOfWork() as work:
            write()
            if end == "commit":
                work.commit()
            assert end != "fail"
    except AssertionError:
        pass
    assert db.engine.pool.checkedout() == 0


def test_failing_database_raises_unavailable(kept):
    gone = sa.exc.OperationalError("SELECT 1", {}, Exception("gone"))
    with pytest.raises(DatabaseUnavailable), UnitOfWork():
        raise gone
