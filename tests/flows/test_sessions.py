"""Keeping a session going, and ending it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app import create_app
from app.domain.sessions.model import Session
from tests.support.api import is_problem, log_in, log_out, me, refresh, sign_up, sql, update_rows
from tests.support.apps import close

pytestmark = pytest.mark.settings(refresh_grace_seconds=300)  # so that a slow machine is no thief
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
no_grace = pytest.mark.settings(refresh_grace_seconds=0)


everywhere = pytest.mark.usefixtures("each_database")


@pytest.fixture
def ann(client):
    """Ann's tokens."""
    return sign_up(client)


@pytest.fixture
def elsewhere(settings):
    """A client of a second app on the same database, as another machine is."""
    app = create_app(settings)
    yield app.test_client()
    close(app)


def is_dead(client, tokens):
    """Whether neither token of the pair does anything."""
    return all(is_problem(act(client, tokens), 401, "invalid_token") for act in (me, refresh))


@everywhere
def test_each_refresh_gives_a_pair_that_works(client, ann):
    tokens = ann
    for _ in range(3):
        tokens = refresh(client, tokens).json
        assert me(client, tokens).status_code == 200


def test_refreshing_leaves_one_row(app, client, ann):
    tokens = refresh(client, ann).json
    refresh(client, tokens)
    assert sql(app, "SELECT count(*), max(generation) FROM sessions") == [(1, 2)]


@everywhere
def test_within_the_grace_the_parent_gives_the_same_successor(client, ann):
    first, again = refresh(client, ann).json, refresh(client, ann).json
    assert first["refresh_token"] == again["refresh_token"]


@everywhere
def test_another_machine_gives_the_same_successor(client, elsewhere, ann):
    first, again = refresh(client, ann).json, refresh(elsewhere, ann).json
    assert first["refresh_token"] == again["refresh_token"]


@everywhere
def test_many_at_once_get_the_same_successor(app, ann):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: refresh(app.test_client(), ann), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1


def test_the_old_access_token_works_on_after_a_refresh(client, ann):
    refresh(client, ann)
    assert me(client, ann).status_code == 200


@everywhere
@no_grace
def test_after_the_grace_the_parent_ends_the_session(client, elsewhere, ann):
    newest = refresh(client, ann).json
    assert is_problem(refresh(client, ann), 401, "invalid_token")
    assert (is_dead(client, newest), is_dead(elsewhere, newest)) == (True, True)


@everywhere
@no_grace
def test_without_grace_the_same_moment_is_too_late(app, client, ann):
    newest = refresh(client, ann).json
    update_rows(app, Session, rotated_at=datetime.now(UTC) + timedelta(minutes=1))
    assert is_problem(refresh(client, ann), 401, "invalid_token")
    assert is_dead(client, newest)


@everywhere
def test_an_older_token_ends_the_session_even_within_the_grace(client, ann):
    parent = refresh(client, ann).json
    newest = refresh(client, parent).json
    assert is_problem(refresh(client, ann), 401, "invalid_token")
    assert is_dead(client, newest)


@no_grace
def test_a_theft_ends_no_other_session(client, ann):
    other = log_in(client).json
    refresh(client, ann)
    refresh(client, ann)
    assert (is_dead(client, ann), me(client, other).status_code) == (True, 200)


@everywhere
def test_signing_out_ends_this_session_on_every_machine(client, elsewhere, ann):
    other = log_in(client).json
    log_out(client, ann)
    assert (is_dead(client, ann), is_dead(elsewhere, ann), me(elsewhere, other).status_code) == (True, True, 200)


@everywhere
def test_signing_out_the_others_keeps_this_one(client, elsewhere, ann):
    others = [log_in(client).json for _ in range(2)]
    log_out(client, ann, scope="others")
    assert [is_dead(elsewhere, tokens) for tokens in others] == [True, True]
    assert (me(client, ann).status_code, refresh(client, ann).status_code) == (200, 200)


@everywhere
def test_signing_out_everywhere_ends_all(client, elsewhere, ann):
    others = [log_in(client).json for _ in range(2)]
    log_out(client, ann, scope="all")
    assert [is_dead(elsewhere, tokens) for tokens in [ann, *others]] == [True] * 3


@pytest.mark.parametrize("scope", ["this", "others", "all"])
def test_logout_ends_no_session_of_another_account(client, ann, scope):
    bob = sign_up(client, email="bob@example.com")
    log_out(client, ann, scope=scope)
    assert (me(client, bob).status_code, refresh(client, bob).status_code) == (200, 200)


def test_a_refresh_does_not_revive_a_session(client, ann):
    tokens = refresh(client, ann).json
    log_out(client, ann)
    assert (is_dead(client, ann), is_dead(client, tokens)) == (True, True)


@everywhere
def test_a_session_unused_for_too_long_is_over(app, client, ann):
    update_rows(app, Session, expires_at=LONG_AGO)
    assert is_dead(client, ann)


@pytest.mark.settings(session_lifetime=100, jwt_refresh_token_expires=1_000)
def test_a_session_is_not_prolonged_past_its_end(app, client, ann):
    refresh(client, ann)
    assert sql(app, "SELECT count(*) FROM sessions WHERE expires_at = absolute_expires_at") == [(1,)]


def test_a_session_whose_row_is_gone_is_over(app, client, ann):
    sql(app, "DELETE FROM sessions")
    assert is_dead(client, ann)


def test_an_idempotency_key_of_any_text_breaks_nothing(client, ann):
    for key in ("é", "'; --", "x" * 255):
        headers = {"Authorization": f"Bearer {ann['refresh_token']}", "Idempotency-Key": key}
        assert client.post("/api/v1/auth/refresh", headers=headers).status_code == 200
