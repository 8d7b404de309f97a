"""Signing keys that this process cannot read, or a database that fails when it does: nothing is stored."""

import pytest

from app import create_app
from app.core.errors import DatabaseUnavailable
from app.domain.tokens.keyring import KeyRing
from tests.support.api import PASSWORD, dump_tables, is_problem, log_in, me, sign_up
from tests.support.apps import close

EVE = {"email": "eve@example.com", "password": PASSWORD}
STORED = ("accounts", "sessions", "outbox", "audit_events")


@pytest.fixture
def stranger(app, client, settings):
    """A client of a process that has another secret, on tables with Ann's account and the keys."""
    sign_up(client)
    other = create_app(settings.model_copy(update={"key_encryption_secret": "another secret of thirty-two bytes"}))
    yield other.test_client()
    close(other)


def stored(app):
    tables = dump_tables(app)
    return {name: tables[name] for name in STORED}


@pytest.mark.usefixtures("each_database")
def test_without_a_key_no_account_and_no_session_is_stored(app, stranger):
    before = stored(app)
    for answer in (stranger.post("/api/v1/auth/signup", json=EVE), log_in(stranger)):
        assert is_problem(answer, 503, "temporarily_unavailable")
        assert "KEY_ENCRYPTION_SECRET" in answer.json["detail"]
    assert stored(app) == before


def test_token_that_cannot_be_verified_now_answers_503(client, stranger):
    tokens = log_in(client).json
    assert is_problem(me(stranger, tokens), 503, "temporarily_unavailable")
    assert is_problem(stranger.get("/.well-known/jwks.json"), 503, "temporarily_unavailable")


def test_database_that_fails_while_tokens_are_made_undoes_sign_up(app, client, monkeypatch):
    def fail(*_):
        raise DatabaseUnavailable

    monkeypatch.setattr(KeyRing, "signing", fail)
    before = stored(app)
    assert is_problem(client.post("/api/v1/auth/signup", json=EVE), 503, "database_unavailable")
    assert stored(app) == before
    monkeypatch.undo()
    assert client.post("/api/v1/auth/signup", json=EVE).status_code == 201
