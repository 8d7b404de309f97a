"""The database: timestamps, its clock, and translated errors."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from app import create_app, migrate
from app.core.database import (
    POOL_SIZE,
    POOL_TIMEOUT,
    UtcDateTime,
    database_now,
    db,
    execute,
    fetch_all,
    fetch_one,
    ping,
    translate_errors,
)
from app.core.errors import DatabaseUnavailable
from app.core.unit_of_work import UnitOfWork
from app.domain.tokens.model import SigningKey
from tests.conftest import POSTGRESQL
from tests.support.apps import close
from tests.test_migrations import another_database

MOMENT = datetime(2026, 2, 28, 23, 59, 59, 123_456, tzinfo=UTC)
AWAY = "postgresql://nobody@127.0.0.1:1/nowhere"


@pytest.fixture
def database_context(each_app):
    """Within the context of an app, on each database."""
    with each_app.app_context():
        yield


def keep(moment, kid="k"):
    row = {"kid": kid, "algorithm": "ES256", "private_key": "-", "created_at": moment, "signs_from": moment}
    return execute(sa.insert(SigningKey).values(row), {})


@pytest.mark.usefixtures("database_context")
@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-11))], ids=str
)
def test_timestamps_are_stored_in_utc_with_microseconds(zone):
    keep(MOMENT.astimezone(zone))
    [kept] = fetch_one(sa.select(SigningKey.created_at), {})
    assert (kept, kept.tzinfo) == (MOMENT, UTC)


def test_datetime_without_a_time_zone_is_rejected(app):
    with app.app_context(), pytest.raises(sa.exc.StatementError, match="time zone"):
        keep(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.usefixtures("database_context")
def test_datetimes_compare_across_time_zones():
    keep(MOMENT)
    found = [
        fetch_one(sa.select(SigningKey.kid).where(SigningKey.created_at < MOMENT + timedelta(microseconds=step)), {})
        for step in (0, 1)
    ]
    assert found == [None, ("k",)]


@pytest.mark.usefixtures("database_context")
def test_the_database_s_clock_is_in_utc_and_goes():
    first, second = (fetch_one(sa.select(database_now()), {})[0] for _ in range(2))
    assert abs(datetime.now(UTC) - first) < timedelta(seconds=30)
    assert (first.tzinfo, first <= second) == (UTC, True)


@pytest.mark.usefixtures("database_context")
def test_the_clock_shows_the_same_as_what_is_kept():
    keep(datetime.now(UTC) - timedelta(seconds=1))
    assert fetch_one(sa.select(SigningKey.kid).where(SigningKey.created_at < database_now()), {}) is not None


@pytest.mark.usefixtures("database_context")
def test_text_is_compared_byte_for_byte():
    for kid in ("ann", "Ann", "änn"):
        keep(MOMENT, kid)
    assert len(fetch_all(sa.select(SigningKey.kid).where(SigningKey.kid == "ann"))) == 1


@pytest.mark.usefixtures("database_context")
def test_a_change_tells_how_many_rows_it_changed():
    for kid in ("a", "b"):
        keep(MOMENT, kid)
    assert execute(sa.update(SigningKey).values(private_key="x"), {}) == 2
    assert execute(sa.delete(SigningKey).where(SigningKey.kid == "c"), {}) == 0


@pytest.mark.usefixtures("database_context")
def test_an_update_to_what_is_there_already_counts_too():
    keep(MOMENT)
    assert execute(sa.update(SigningKey).values(private_key="-"), {}) == 1


@pytest.mark.usefixtures("database_context")
def test_the_database_answers():
    assert ping()


@pytest.mark.settings(database_url=AWAY)
def test_unreachable_database_is_reported_as_unavailable(app):
    with app.app_context():
        assert not ping()
        with pytest.raises(DatabaseUnavailable):
            fetch_one(sa.select(sa.literal(1)), {})


def test_invalid_statement_is_not_reported_as_unavailable(app):
    with app.app_context(), pytest.raises(sa.exc.CompileError):
        execute(sa.update(SigningKey).values(nonsense=1), {})


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_deadlock_may_be_tried_again(state):
    class Deadlock(Exception):
        sqlstate = state

    with pytest.raises(DatabaseUnavailable) as busy, translate_errors():
        raise sa.exc.OperationalError("UPDATE", {}, Deadlock())
    assert busy.value.transient


def test_a_full_disk_is_not_tried_again():
    with pytest.raises(DatabaseUnavailable) as busy, translate_errors():
        raise sa.exc.OperationalError("INSERT", {}, Exception("database or disk is full"))
    assert not busy.value.transient


def test_sqlite_keeps_every_commit_and_every_reference(app):
    with app.app_context(), db.engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found["journal_mode"] == "wal"
    assert (found["synchronous"], found["foreign_keys"], found["busy_timeout"] >= 1_000) == (2, 1, True)


@pytest.mark.usefixtures("database_context")
def test_database_errors_show_no_values():
    keep(MOMENT, "k")
    with pytest.raises(sa.exc.IntegrityError) as raised:
        keep(MOMENT, "k")
    assert raised.value.hide_parameters


def test_a_moment_s_type_can_be_cached():
    assert UtcDateTime.cache_ok


@pytest.mark.parametrize("database", POSTGRESQL, indirect=True)
def test_database_without_utf_8_is_rejected_with_the_remedy(settings, database):
    ascii_alone = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with another_database(database, ascii_alone) as url:
        app = create_app(settings.model_copy(update={"database_url": url}))
        with pytest.raises(sa.exc.OperationalError, match=r"SQL_ASCII.*CREATE DATABASE"):
            migrate(app)
        close(app)


def pools(app):
    """The size and the timeout of each pool."""
    with app.app_context():
        return {name or "units": (e.pool.size(), e.pool.timeout()) for name, e in db.engines.items()}


def test_the_pools_have_the_size_and_timeout_that_we_set(each_app):
    with each_app.app_context():
        units = 1 if db.engine.dialect.name == "sqlite" else POOL_SIZE
    assert pools(each_app) == {"units": (units, POOL_TIMEOUT), "autocommit": (POOL_SIZE, POOL_TIMEOUT)}


def read_one(app):
    with app.app_context():
        return fetch_one(sa.select(sa.literal(1)), {})


def test_a_thread_waits_for_a_connection_that_others_use(each_app):
    with each_app.app_context(), ThreadPoolExecutor(1) as threads, ExitStack() as used:
        connections = [used.enter_context(db.engines["autocommit"].connect()) for _ in range(POOL_SIZE)]
        waiting = threads.submit(read_one, each_app)
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        connections[0].close()
        assert waiting.result(POOL_TIMEOUT) == (1,)


@pytest.mark.usefixtures("each_app")
def test_autocommit_statement_is_rejected_within_a_unit_of_work(app):
    forget = sa.text("DELETE FROM leases")
    with app.app_context(), UnitOfWork():
        db.session.execute(forget)
        with pytest.raises(RuntimeError, match="unit of work"):
            execute(forget, {})
