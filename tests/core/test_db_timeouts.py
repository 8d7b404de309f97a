"""Database timeouts and the circuit breaker."""

import socket
import time

import pytest
import sqlalchemy as sa

from app.core.database import translate_errors
from app.core.db_timeouts import CircuitBreaker, timeouts
from app.core.errors import DatabaseUnavailable
from tests.conftest import SERVERS

SOON, LONG = 0.1, 5
SLEEP = {"postgresql": f"SELECT pg_sleep({LONG})", "mysql": f"SELECT SLEEP({LONG})"}
servers = pytest.mark.parametrize("database", SERVERS, indirect=True)
drivers = pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql"])


@pytest.fixture
def engine_on():
    """Creates an engine with a timeout of a tenth of a second and its own circuit breaker."""
    engines = []

    def make(url):
        driver = sa.make_url(url).get_driver_name()
        engines.append(engine := sa.create_engine(url, connect_args=timeouts(driver, SOON)))
        CircuitBreaker(pause=0.05).install(engine, SOON)
        return engine

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def mute_server():
    """A server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def seconds_to_fail(engine, statement="SELECT 1"):
    began = time.monotonic()
    with pytest.raises(sa.exc.OperationalError), engine.connect() as connection:
        connection.execute(sa.text(statement))
    return time.monotonic() - began


@drivers
def test_a_server_that_does_not_greet_is_given_up(engine_on, mute_server, driver):
    engine = engine_on(f"{driver}://somebody@127.0.0.1:{mute_server.getsockname()[1]}/nowhere")
    assert SOON <= seconds_to_fail(engine) < LONG / 2


@drivers
def test_while_it_is_down_it_is_not_even_tried(engine_on, mute_server, driver):
    engine = engine_on(f"{driver}://somebody@127.0.0.1:{mute_server.getsockname()[1]}/nowhere")
    seconds_to_fail(engine)
    mute_server.accept()[0].close()
    seconds_to_fail(engine)
    with pytest.raises(BlockingIOError):
        mute_server.accept()


@servers
def test_statement_without_an_answer_times_out_with_its_connection(engine_on, database):
    engine = engine_on(database)
    with engine.connect() as connection:
        with pytest.raises(sa.exc.OperationalError) as failure:
            connection.execute(sa.text(SLEEP[engine.dialect.name]))
        assert failure.value.connection_invalidated


@servers
def test_once_it_answers_again_it_is_asked_again(engine_on, database):
    engine = engine_on(database)
    assert seconds_to_fail(engine, SLEEP[engine.dialect.name]) < LONG / 2
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 7")) == 7


@servers
def test_one_slow_statement_costs_no_other_connection(engine_on, database):
    engine = engine_on(database)
    with engine.connect() as other, engine.connect() as slow:
        kept = other.connection.dbapi_connection
        with pytest.raises(sa.exc.OperationalError):
            slow.execute(sa.text(SLEEP[engine.dialect.name]))
    with engine.connect() as one, engine.connect() as two:
        assert kept in (one.connection.dbapi_connection, two.connection.dbapi_connection)


@servers
def test_timed_out_caller_does_not_wait_again(engine_on, database):
    engine = engine_on(database)
    with pytest.raises(DatabaseUnavailable) as busy, translate_errors(), engine.connect() as connection:
        connection.execute(sa.text(SLEEP[engine.dialect.name]))
    assert not busy.value.transient


@servers
def test_a_mistake_in_a_statement_keeps_the_connection(engine_on, database):
    engine = engine_on(database)
    with engine.connect() as connection:
        with pytest.raises(sa.exc.DBAPIError) as failure:
            connection.execute(sa.text("SELECT nonsense"))
        connection.rollback()
        assert not failure.value.connection_invalidated
        assert connection.scalar(sa.text("SELECT 7")) == 7
