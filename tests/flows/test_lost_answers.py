"""A refresh whose answer got lost can be repeated late, until its successor is used: then one of the two is stolen."""

import jwt
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app.core.database import db
from app.domain.audit.model import AuditEvent
from tests.flows.test_refresh_theft import let_the_grace_pass, refresh
from tests.support.api import NEW, PASSWORD, bearer, me, sign_up, sql

REUSED = "session.token_reused"


@pytest.fixture
def tokens(client: FlaskClient) -> dict[str, str]:
    return sign_up(client)


@pytest.fixture
def parent(tokens: dict[str, str]) -> str:
    return tokens["refresh_token"]


def successor(client: FlaskClient, token: str, key: str | None = None) -> str:
    """The refresh token that a refresh with this one gives."""
    answer = refresh(client, token, key)
    assert answer.status_code == 200, answer.json
    return str(answer.json["refresh_token"])


def lose_answer(app: Flask, client: FlaskClient, token: str, key: str | None = None) -> str:
    """A refresh whose answer the client never gets, long ago; gives the successor that nobody has."""
    lost = successor(client, token, key)
    let_the_grace_pass(app)
    return lost


def events(app: Flask) -> list[str]:
    with app.app_context():
        found = list(db.session.scalars(sa.select(AuditEvent.event)))
        db.session.remove()
    return found


@pytest.mark.usefixtures("each_database")
def test_late_retry_gets_a_new_successor(app, client, auth, mailbox, parent) -> None:
    lost = lose_answer(app, client, parent)
    newest = successor(client, parent)
    assert newest != lost
    assert refresh(client, successor(client, newest)).status_code == 200
    auth.mail_delivery.deliver_due()
    assert (REUSED in events(app), len(mailbox.messages)) == (False, 1)


@pytest.mark.usefixtures("each_database")
def test_use_of_the_replaced_successor_is_theft(app, client, parent) -> None:
    lost = lose_answer(app, client, parent)
    newest = refresh(client, parent).json
    assert [refresh(client, token).status_code for token in (lost, newest["refresh_token"])] == [401, 401]
    assert (me(client, newest).status_code, events(app).count(REUSED)) == (401, 1)


@pytest.mark.parametrize("late", [True, False])
def test_parent_is_theft_once_its_successor_was_used(app, client, parent, late) -> None:
    newest = successor(client, successor(client, parent))
    if late:
        let_the_grace_pass(app)
    assert [refresh(client, token).status_code for token in (parent, newest)] == [401, 401]


def test_an_answer_may_get_lost_more_than_once(app, client, parent) -> None:
    lost = [lose_answer(app, client, parent) for _ in range(3)]
    newest = successor(client, parent)
    assert len({newest, *lost}) == 4
    assert refresh(client, newest).status_code == 200
    assert refresh(client, lost[1]).status_code == 401


def test_a_repeated_late_retry_gives_the_same_successor(app, client, parent) -> None:
    lose_answer(app, client, parent)
    assert successor(client, parent) == successor(client, parent)


def test_next_use_ends_the_allowance_of_the_parent(app, client, parent) -> None:
    lose_answer(app, client, parent)
    newest = successor(client, parent)
    lose_answer(app, client, newest)
    last = successor(client, newest)
    assert refresh(client, parent).status_code == 401
    assert refresh(client, last).status_code == 401


@pytest.mark.parametrize("key", [None, "attempt-2"])
def test_late_retry_with_another_key_or_none_is_a_loss(app, client, parent, key) -> None:
    lost = lose_answer(app, client, parent, "attempt-1")
    assert successor(client, parent, key) != lost


@pytest.mark.parametrize("thief_first", [True, False])
def test_thief_and_owner_cannot_both_go_on(app, client, parent, thief_first) -> None:
    """Both have the same token and use it, one of them late. The next refresh of either shows it."""
    lines = [lose_answer(app, client, parent), successor(client, parent)]
    one, other = lines if thief_first else lines[::-1]
    first, second = refresh(client, one), refresh(client, other)
    assert 401 in (first.status_code, second.status_code)
    assert sql(app, "SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL") == [(1,)]


def test_late_retry_does_not_revive_an_ended_session(app, client, tokens, parent) -> None:
    lose_answer(app, client, parent)
    client.post("/api/v1/auth/logout", headers=bearer(tokens["access_token"]))
    assert refresh(client, parent).status_code == 401


def test_retry_after_a_password_change_gives_the_same_generation(client, tokens, parent) -> None:
    first = refresh(client, parent, "attempt-1").json
    body = {"password": NEW, "current_password": PASSWORD}
    assert client.put("/api/v1/account/password", json=body, headers=bearer(first["access_token"])).status_code == 204
    again = successor(client, parent, "attempt-1")
    one, other = (jwt.decode(token, options={"verify_signature": False}) for token in (first["refresh_token"], again))
    assert {name for name in one if one[name] != other[name]} == {"ver"}
    assert refresh(client, first["refresh_token"]).status_code == refresh(client, again).status_code == 200
