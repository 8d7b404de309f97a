"""No statement of a route or of a background task reads a table that grows as a whole."""

import pytest

from app.web.openapi import contracts
from tests.bench.seeder import Seeder
from tests.plans.explain import explained
from tests.plans.walk import Walk
from tests.support.api import sql

ACCOUNTS, EVENTS = 6_000, 500
# What these statements contain, and why they may read a whole table, or an index from its beginning.
EXCEPTIONS = {
    # The newest accounts, by the index of the list: it ends with the page.
    "FROM accounts ORDER BY accounts.created_at DESC, accounts.id DESC LIMIT": "the list",
    # Read in the order of the list until the page is full, within a time limit: app/core/searching.py
    "FROM accounts WHERE accounts.deletes_at IS": "a filter by state",
    "accounts.email_canonical LIKE": "a search for a part of a word",
    # Of up to 100,000 rows, for the figures that administrators see, which are remembered.
    "FROM (SELECT accounts.id AS id FROM accounts ORDER BY accounts.id": "the number of accounts",
    # Of up to 100,000 rows. MariaDB reads the table where most sessions are live.
    "FROM sessions WHERE sessions.expires_at >": "the number of live sessions",
}


@pytest.fixture
def seeded(app, auth, database):
    """The app on a database with thousands of rows in each table, and the statistics that a planner needs."""
    seeder = Seeder(database)
    seeder.accounts(ACCOUNTS, "!", EVENTS)
    seeder.expired(ACCOUNTS, ACCOUNTS, ACCOUNTS)
    auth.audit_sealing.seal()  # as nearly all events are
    seeder.analyze()
    return app


def is_excepted(statement):
    return any(part in " ".join(statement.split()) for part in EXCEPTIONS)


@pytest.mark.settings(
    trusted_device_days=30,
    passkey_origins=["http://localhost:8000", "https://example.de"],
    apple_apps=["A1B2C3D4E5.com.example.app"],
    android_apps=["com.example.app=" + ":".join(["0A"] * 32)],
)
@pytest.mark.usefixtures("each_database")
def test_each_statement_finds_its_rows_by_an_index(seeded, auth, mailbox, lying):
    walk = Walk(seeded, auth, mailbox, lying)
    with explained(seeded) as plans:
        walk.all()
    assert {text: tables for text, tables in plans.scans.items() if not is_excepted(text)} == {}
    assert len(plans.explained) > 100
    routes = {(method, rule.rule) for rule, _ in contracts(seeded) for method in rule.methods - {"HEAD", "OPTIONS"}}
    assert routes - walk.visited == set(), "tests/plans/walk.py does not call these routes"


@pytest.mark.usefixtures("each_database")
def test_a_statement_without_an_index_is_noticed(app):
    by_id, by_name = (f"SELECT email FROM accounts WHERE {column} = 'x'" for column in ("id", "first_name"))
    with explained(app) as plans:
        sql(app, by_id)
        sql(app, by_name)
    assert plans.explained == {by_id, by_name}
    assert plans.scans == {by_name: {"accounts"}}
