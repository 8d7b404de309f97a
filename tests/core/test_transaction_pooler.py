"""PostgreSQL behind a transaction pooler: each transaction may run on another connection to the server."""

import pytest
import sqlalchemy as sa

from app import create_app, migrate
from app.core.database import db
from app.core.schema import is_up_to_date
from app.domain.sessions.model import Session
from tests.conftest import POSTGRESQL, lacking
from tests.support.apps import close
from tests.support.concurrency import Call, account, post, send_together
from tests.support.poolers import transaction_pooler
from tests.support.profile import long, sized
from tests.support.servers import NotHere
from tests.test_migrations import another_database

on_postgresql = pytest.mark.parametrize("database", POSTGRESQL, indirect=True)
CLIENTS = sized(6, 32)


@pytest.fixture
def pooled(database):
    """The URL of the database by way of the pooler."""
    try:
        with transaction_pooler(database) as url:
            yield url
    except NotHere as reason:
        lacking(str(reason))


def statuses(calls):
    return {answer.status for answer in send_together(calls)}


# `on` stands for a pooler that is not recognised: statements are then prepared, until the first one is lost.
@on_postgresql
@pytest.mark.parametrize("mode", ["auto", "on"])
@long
def test_every_request_succeeds_behind_a_transaction_pooler(settings, clock, process_pool, pooled, mode):
    changed = settings.model_copy(update={"database_url": pooled, "database_prepared_statements": mode})
    bases = [process_pool.serve(changed, clock=clock, ahead=0) for _ in range(2)]
    people = [{"email": f"ann{n}@example.com", "password": "correct horse battery"} for n in range(CLIENTS)]
    signed_up = send_together([post(bases[n % 2], "/auth/signup", **person) for n, person in enumerate(people)])
    assert {answer.status for answer in signed_up} == {201}
    tokens = [answer.body["access_token"] for answer in signed_up]
    refresh = [answer.body["refresh_token"] for answer in signed_up]
    for turn in range(sized(20, 60)):
        base = bases[turn % 2]
        assert statuses([account(base, token) for token in tokens]) == {200}
        assert statuses([post(base, "/forgot-password", email=person["email"]) for person in people]) == {200}
    assert statuses([post(bases[n % 2], "/auth/refresh", token) for n, token in enumerate(refresh)]) == {200}
    assert statuses([Call(base, "GET", "/readyz") for base in bases]) == {200}


@on_postgresql
def test_migrations_run_through_a_transaction_pooler(settings, database):
    with another_database(database) as url, transaction_pooler(url) as pooled:
        app = create_app(settings.model_copy(update={"database_url": pooled}))
        migrate(app)
        with app.app_context():
            assert is_up_to_date()
        close(app)


def prepared_statements(app):
    """How many the connection has on the server after many executions of one."""
    with app.app_context(), db.engine.connect() as connection:
        for _ in range(10):
            connection.execute(sa.select(Session.id).where(Session.id == "none"))
        return connection.scalar(sa.text("SELECT count(*) FROM pg_prepared_statements"))


@on_postgresql
@pytest.mark.parametrize(("mode", "number"), [("auto", 1), ("on", 1), ("off", 0)])
def test_direct_connection_prepares_statements_unless_switched_off(settings, mode, number):
    app = create_app(settings.model_copy(update={"database_prepared_statements": mode}))
    assert prepared_statements(app) == number
    close(app)


@on_postgresql
def test_pooled_connection_prepares_no_statement(settings, pooled):
    app = create_app(settings.model_copy(update={"database_url": pooled}))
    assert prepared_statements(app) == 0
    close(app)


@on_postgresql
def test_no_two_connections_use_one_statement_name(settings):
    app = create_app(settings)
    with app.app_context(), db.engine.connect() as one, db.engine.connect() as other:
        for connection in (one, other):
            for _ in range(10):
                connection.execute(sa.select(Session.id).where(Session.id == "none"))
        names = [
            set(connection.scalars(sa.text("SELECT name FROM pg_prepared_statements"))) for connection in (one, other)
        ]
    assert not names[0] & names[1]
    close(app)
