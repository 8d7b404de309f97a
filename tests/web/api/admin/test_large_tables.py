"""The list of accounts when there are many: by an index where one helps, within a time limit where none does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.core import searching
from app.core.database import db, table_of
from app.domain.accounts.model import Account
from app.domain.accounts.search import AccountQuery, select_page
from app.domain.audit.model import AuditEvent
from tests.conftest import SERVERS
from tests.support.api import is_problem

MANY = 3_000
EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN", "mysql": "EXPLAIN"}
ANALYZE = {"sqlite": "ANALYZE accounts", "postgresql": "ANALYZE accounts", "mysql": "ANALYZE TABLE accounts"}
# How each database says that it reads the whole table, or the index in the order of the list until it has found enough.
READS_ALL = ("SCAN accounts", "Seq Scan", "ALL", "ix_accounts_created_at_id")
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
LOCK = {"postgresql": "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", "mysql": "LOCK TABLES {} WRITE"}
UNLOCK = {"postgresql": "ROLLBACK", "mysql": "UNLOCK TABLES"}


def row(number):
    moment = MOMENT + timedelta(seconds=number)
    email = f"person{number}@example.com"
    return {
        "id": str(UUID(int=number * 7_919)), "email": email, "email_canonical": email, "roles": "",
        "credentials_version": 0, "created_at": moment, "updated_at": moment,
        "disabled_at": None if number % 500 else moment, "deletes_at": None if number % 700 else moment,
    }  # fmt: skip


@pytest.fixture
def many(app, desk):
    """Many accounts besides that of the administrator, and the statistics that a planner needs."""
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.insert(table_of(Account)), [row(number) for number in range(MANY)])
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(ANALYZE[connection.dialect.name]).close()
    return app


def plan(app, query):
    """How the database would run the statement for a page."""
    with app.app_context(), db.engines["autocommit"].connect() as connection:
        statement = select_page(query).compile(connection, compile_kwargs={"literal_binds": True})
        text = str(statement).replace("%%", "%").replace(":", "\\:")
        return str(connection.execute(sa.text(f"{EXPLAIN[connection.dialect.name]} {text}")).all())


def unindexed(app, *queries):
    """The queries for which the database would read all accounts."""
    return [query for query in queries if any(sign in plan(app, query) for sign in READS_ALL)]


@pytest.mark.usefixtures("each_database")
def test_addresses_and_ids_are_found_by_an_index(many):
    whole = ["person1234@example.com", "Person1234@EXAMPLE.com", "missing@example.com", row(5)["id"]]
    beginnings = ["person1234@ex", "person1234@"]
    assert unindexed(many, *(AccountQuery(text) for text in whole + beginnings)) == []


@pytest.mark.parametrize("database", SERVERS, indirect=True)  # SQLite walks the list all the same
@pytest.mark.parametrize("state", ["disabled", "deleting"])
def test_the_few_accounts_of_a_state_have_an_index(many, state):
    assert unindexed(many, AccountQuery(state=state)) == []


@pytest.mark.usefixtures("each_database")
def test_a_search_for_the_middle_of_a_word_examines_all(many):
    query = AccountQuery("erson1234")
    assert unindexed(many, query) == [query]


@pytest.mark.usefixtures("each_database", "many")
def test_whole_addresses_and_ids_find_one_account(desk):
    def found(**query):
        return [user["email"] for user in desk.get("users", **query).json["users"]]

    assert found(search="Person12@Example.COM") == ["person12@example.com"]
    assert found(search=row(12)["id"].upper()) == ["person12@example.com"]
    assert found(search="person12@") == ["person12@example.com"]
    assert found(search="erson12@") == []
    assert found(search="person500@example.com", state="disabled") == ["person500@example.com"]
    assert found(search="person500@example.com", state="active") == []
    assert found(search="person_2@example.com") == []


@contextmanager
def locked(engine, table):
    """Within the block, another connection has a lock on the table, so that each statement that reads it waits."""
    kind = engine.dialect.name
    with engine.connect() as other:
        other.exec_driver_sql(LOCK[kind].format(table))
        try:
            yield
        finally:
            other.exec_driver_sql(UNLOCK[kind])


@pytest.fixture
def make_searches_slow(app, monkeypatch) -> Callable[[str], None]:
    """A function that makes every search of a table exceed its time limit, however fast the machine is."""

    def make_slow(table: str) -> None:
        monkeypatch.setattr(searching, "SHARE", 0)
        with app.app_context():
            kind = db.engine.dialect.name
        if kind == "sqlite":  # readers never wait there, so the clock moves by a second each time it is read
            monkeypatch.setattr(searching, "time", SimpleNamespace(monotonic=count().__next__))
            return
        limited = searching._LIMITS[kind]

        @contextmanager
        def locked_and_limited(connection: sa.Connection, seconds: float) -> Iterator[None]:
            with locked(connection.engine, table), limited(connection, seconds):
                yield

        monkeypatch.setitem(searching._LIMITS, kind, locked_and_limited)

    return make_slow


@pytest.mark.usefixtures("each_database", "many")
def test_search_without_an_index_is_stopped_in_time(app, desk, monkeypatch, make_searches_slow):
    make_searches_slow(Account.__tablename__)
    for _ in range(3):
        answer = desk.get("users", search="no such person")
        assert is_problem(answer, 400, "search_too_broad")
        assert answer.json["errors"][0]["field"] == "search"
    monkeypatch.undo()
    assert desk.get("users", search="person12@").status_code == 200
    assert desk.get("users", search="no such person").json == {"users": [], "next": None}
    assert app.test_client().get("/readyz").status_code == 200


@pytest.fixture
def many_events(app, desk):
    """Many events besides those of the administrator."""
    event = {"at": MOMENT, "event": "account.created", "result": "success", "details": {}, "salt": "-"}
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.insert(table_of(AuditEvent)), [event] * MANY)


@pytest.mark.usefixtures("each_database", "many_events")
def test_audit_log_is_not_searched_without_end(desk, monkeypatch, make_searches_slow):
    make_searches_slow(AuditEvent.__tablename__)
    assert is_problem(desk.get("audit", event="email.changed"), 400, "search_too_broad")
    monkeypatch.undo()
    assert desk.get("audit", event="email.changed").json["events"] == []
