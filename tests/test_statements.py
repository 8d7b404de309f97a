"""How many SQL statements a request costs: each is a round trip, and on the hot path they are what time goes to."""

from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from app.core.database import db
from app.domain.sessions.model import Session
from tests.support.api import (
    NEW,
    bearer,
    forgot_password,
    log_in,
    log_out,
    make_admin,
    me,
    refresh,
    sign_up,
    update_rows,
)
from tests.web.api.routes import SOMEBODY

TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Counted(list):
    """The statements that ran, in order."""

    @property
    def verbs(self):
        """The first word of each."""
        return [statement.split()[0].upper() for statement in self]


@contextmanager
def statements(app, *, commits=False):
    """What runs on the app's engines meanwhile; with `commits` also where units of work are committed."""
    seen = Counted()

    def note(_connection, _cursor, statement, *_):
        if not statement.upper().startswith(TRANSACTION):
            seen.append(statement)

    def note_commit(_connection):
        seen.append("COMMIT")

    with app.app_context():
        engines = [*db.engines.values()]
    heard = [("before_cursor_execute", note)] + [("commit", note_commit)] * commits
    for engine in engines:
        for name, listener in heard:
            sa.event.listen(engine, name, listener)
    yield seen
    for engine in engines:
        for name, listener in heard:
            sa.event.remove(engine, name, listener)


@pytest.fixture
def ann(each_app, client):
    """Ann's tokens, on each database; keys are read and connections are open."""
    tokens = sign_up(client)
    me(client, tokens)
    return tokens


def sign_up_bob(client, _):
    return sign_up(client, email="bob@example.com")


def call_me_ann(client, tokens):
    return client.patch("/api/v1/account", json={"first_name": "Ann"}, headers=bearer(tokens["access_token"]))


def use_no_link(client, _):
    return client.post("/api/v1/reset-password", json={"reset_token": "nonsense", "password": "a new horse battery"})


COSTS = [  # in this order: signing out comes last
    ("who am I", me, ["SELECT"]),
    ("refresh", refresh, ["SELECT", "UPDATE"]),
    ("the same refresh again", refresh, ["SELECT"]),
    ("an email to a known address", lambda client, _: forgot_password(client), ["INSERT"]),
    ("an email to an unknown address", lambda client, _: forgot_password(client, "nobody@example.com"), ["INSERT"]),
    ("a change of name", call_me_ann, ["SELECT", "UPDATE"]),
    ("a wrong password", lambda client, _: log_in(client, password="wrong horse battery"), ["SELECT", "INSERT"]),
    ("an unknown address", lambda client, _: log_in(client, email="nobody@example.com"), ["SELECT", "INSERT"]),
    ("a refused token", lambda client, _: client.get("/api/v1/account", headers=bearer("nonsense")), []),
    (
        "a refresh token for an access token",
        lambda client, t: refresh(client, {"refresh_token": t["access_token"]}),
        [],
    ),
    ("a link that is none", use_no_link, []),
    (
        "a broken body",
        lambda client, _: client.post("/api/v1/auth/login", data=b"{", content_type="application/json"),
        [],
    ),
]
CEILINGS = [("sign in", lambda client, _: log_in(client), 4), ("sign up", sign_up_bob, 5), ("sign out", log_out, 3)]


@pytest.mark.settings(refresh_grace_seconds=300)
def test_each_request_costs_these_statements_and_no_more(app, client, ann):
    found = []
    for name, act, _ in COSTS:
        with statements(app) as seen:
            act(client, ann)
        found.append((name, seen.verbs))
    assert found == [(name, verbs) for name, _, verbs in COSTS]


def test_a_refresh_after_a_lost_answer_costs_no_more(app, client, ann):
    refresh(client, ann)
    update_rows(app, Session, rotated_at=LONG_AGO)
    with statements(app) as seen:
        assert refresh(client, ann).status_code == 200
    assert seen.verbs == ["SELECT", "UPDATE"]


def test_signing_up_in_and_out_take_no_more_than_these(app, client, ann):
    found = {}
    for name, act, most in CEILINGS:
        with statements(app) as seen:
            act(client, ann)
        if not 1 <= len(seen) <= most:
            found[name] = seen
    assert found == {}


SEARCH = "users?search=ann&state=active&limit=100"
# A search has a time limit: MariaDB's SET STATEMENT … FOR SELECT is one statement.
TIME_LIMITED = {"sqlite": ["SELECT"], "postgresql": ["SET", "SELECT"], "mysql": ["SET"]}


def test_administrator_reads_with_one_statement_after_the_guard(app, client, ann):
    make_admin(app)
    found = {}
    for path in ("users", SEARCH, "audit", "mail", f"users/{SOMEBODY}"):
        with statements(app) as seen:
            client.get(f"/api/v1/admin/{path}", headers=bearer(ann["access_token"]))
        found[path] = seen.verbs
    with app.app_context():
        assert tuple(found.pop(SEARCH)) == ("SELECT", *TIME_LIMITED[db.engine.dialect.name])
    assert set(map(tuple, found.values())) == {("SELECT", "SELECT")}


def test_known_and_unknown_addresses_take_the_very_same_statements(app, client, ann):
    seen = {}
    for email in ("ann@example.com", "nobody@example.com"):
        with statements(app) as seen[email]:
            forgot_password(client, email)
            log_in(client, email=email, password="wrong horse battery")
    assert seen["ann@example.com"] == seen["nobody@example.com"]


@pytest.mark.parametrize("path", ["reset-password", "verify-email"])
def test_a_wrong_code_costs_an_unknown_address_the_same(app, client, auth, ann, path):
    forgot_password(client)
    auth.mail_delivery.deliver_due()
    seen = {}
    for email in ("ann@example.com", "nobody@example.com"):
        body = {"email": email, "code": "BCDF-GHJK"} | ({"password": NEW} if path == "reset-password" else {})
        with statements(app, commits=True) as seen[email]:
            assert client.post(f"/api/v1/{path}", json=body).json["code"] == "code_invalid"
    assert seen["ann@example.com"] == seen["nobody@example.com"]
    assert seen["ann@example.com"].verbs == ["SELECT", "SELECT", "SELECT", "UPDATE", "INSERT", "COMMIT"]


def test_an_emailed_sign_in_costs_an_unknown_address_the_same(app, client, auth, ann):
    """Asking for the email, and a wrong code for it."""
    seen = {}
    for email in ("ann@example.com", "nobody@example.com"):
        with statements(app, commits=True) as seen[email]:
            attempt = client.post("/api/v1/auth/email", json={"email": email}).json["attempt"]
        while auth.mail_delivery.deliver_due():
            pass
        body = {"attempt": attempt, "code": "BCDF-GHJK"}
        with statements(app, commits=True) as wrong:
            assert client.post("/api/v1/auth/email/code", json=body).json["code"] == "code_invalid"
        seen[email] += wrong
    assert seen["ann@example.com"] == seen["nobody@example.com"]
    asked, guessed = ["INSERT", "COMMIT"], ["SELECT", "SELECT", "SELECT", "UPDATE", "INSERT", "COMMIT"]
    assert seen["ann@example.com"].verbs in (asked + guessed, asked[:1] + guessed)


def test_no_statement_holds_a_value(app, client, ann):
    with statements(app) as seen:
        log_in(client)
        forgot_password(client)
        refresh(client, ann)
    assert "ann@example.com" not in str(seen)
