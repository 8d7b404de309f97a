"""Statements that are compiled once: they give the same as SQLAlchemy, and fall back to it."""

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.core.compiled import CompiledSelect, CompiledWrite
from app.core.database import db, fetch_one, reading_engine, table_of, writing_engine
from app.domain.accounts.model import Account
from app.domain.sessions.model import Session
from tests.support.api import sign_up

accounts, sessions = table_of(Account), table_of(Session)
BOTH = (
    sa.select(*accounts.c, *sessions.c)
    .join_from(sessions, accounts)
    .where(accounts.c.email == sa.bindparam("address"), accounts.c.roles == "")
)
RENAME = sa.update(accounts).where(accounts.c.email == sa.bindparam("address")).values(
    first_name=sa.bindparam("name"), updated_at=sa.bindparam("moment"), roles="auditor"
)  # fmt: skip
ANN = {"address": "ann@example.com"}


@pytest.fixture
def stored(each_app, clock):
    """Within the context of an app with one account, on each database."""
    sign_up(each_app.test_client(), email=ANN["address"])
    with each_app.app_context():
        yield clock.now()


def break_connections(engine):
    """Close the driver's connections behind the pool's back, as a restart of the server does."""
    connections = [engine.raw_connection() for _ in range(engine.pool.size())]
    for connection in connections:
        connection.driver_connection.close()
    for connection in connections:
        connection.close()


@pytest.mark.usefixtures("stored")
def test_row_has_the_values_that_sqlalchemy_reads():
    found = CompiledSelect(BOTH).first(ANN)
    assert found == list(fetch_one(BOTH, ANN))
    assert CompiledSelect(BOTH).first({"address": "nobody@example.com"}) is None


def test_write_commits_and_returns_its_row_count(stored):
    write = CompiledWrite(RENAME)
    assert write.execute(ANN | {"name": "Ann", "moment": stored}) == 1
    assert write.execute({"address": "nobody@example.com", "name": "Ann", "moment": stored}) == 0
    found = fetch_one(sa.select(accounts.c.first_name, accounts.c.updated_at, accounts.c.roles), {})
    assert tuple(found) == ("Ann", stored, "auditor")


def test_broken_connections_are_replaced_without_an_error(stored):
    break_connections(reading_engine())
    assert CompiledSelect(BOTH).first(ANN) is not None
    break_connections(writing_engine())
    assert CompiledWrite(RENAME).execute(ANN | {"name": "Ann", "moment": stored}) == 1


@pytest.mark.usefixtures("stored")
def test_violated_key_is_reported_as_sqlalchemy_does():
    insert = CompiledWrite(sa.insert(accounts).from_select(list(accounts.c), sa.select(*accounts.c)))
    with pytest.raises(sa.exc.IntegrityError):
        insert.execute({})


def test_write_within_a_unit_of_work_is_refused(stored):
    db.session.execute(sa.select(accounts.c.id))
    with pytest.raises(RuntimeError, match="unit of work"):
        CompiledWrite(RENAME).execute(ANN | {"name": "Ann", "moment": stored})


@pytest.mark.usefixtures("stored")
def test_observed_statements_are_run_by_sqlalchemy():
    seen = []

    def observe(_connection, _cursor, statement, *_):
        seen.append(statement)

    event.listen(reading_engine(), "before_cursor_execute", observe)
    try:
        CompiledSelect(BOTH).first(ANN)
    finally:
        event.remove(reading_engine(), "before_cursor_execute", observe)
    assert len(seen) == 1
    CompiledSelect(BOTH).first(ANN)
    assert len(seen) == 1
