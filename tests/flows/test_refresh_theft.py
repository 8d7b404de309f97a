"""A refresh token in two hands: the session dies, the owner hears of it. A lost answer is not theft."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app.core.database import db
from app.domain.audit.model import AuditEvent
from app.domain.sessions.model import Session

ANN = {"email": "ann@example.com", "password": "correct horse battery"}
REFRESH = "/api/v1/auth/refresh"


def refresh(client: FlaskClient, token: str, key: str | None = None):
    headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
    return client.post(REFRESH, headers=headers)


def let_the_grace_pass(app: Flask) -> None:
    with app.app_context():
        for session in db.session.scalars(sa.select(Session)):
            session.rotated_at = session.rotated_at.replace(year=2020)
        db.session.commit()
        db.session.remove()


def use(client: FlaskClient, token: str, *, times: int) -> str:
    """Refresh so often, each time with the newest token; gives the last one."""
    for _ in range(times):
        token = refresh(client, token).json["refresh_token"]
    return token


@pytest.fixture
def first(client: FlaskClient) -> str:
    return client.post("/api/v1/auth/signup", json=ANN).json["refresh_token"]


@pytest.mark.usefixtures("each_database")
def test_reused_refresh_token_revokes_the_session_and_notifies(
    app: Flask, client: FlaskClient, first: str, auth, mailbox
) -> None:
    newest = use(client, first, times=2)
    assert refresh(client, first).json["code"] == "invalid_token"
    assert refresh(client, newest).json["code"] == "invalid_token"
    auth.mail_delivery.deliver_due()
    assert [letter.subject for letter in mailbox.messages[1:]] == ["Your session was used from two places"]
    with app.app_context():
        tags = db.session.scalars(sa.select(AuditEvent.event).order_by(AuditEvent.id)).all()
        db.session.remove()
    assert tags == ["account.created", "session.token_reused"]


def test_a_grandparent_kills_the_session_even_within_the_grace(client: FlaskClient, first: str) -> None:
    second = refresh(client, first).json["refresh_token"]
    third = refresh(client, second).json["refresh_token"]
    assert refresh(client, first).status_code == 401
    assert refresh(client, third).status_code == 401


def test_one_reuse_sends_one_email(client: FlaskClient, first: str, app: Flask, auth, mailbox) -> None:
    use(client, first, times=2)
    for _ in range(3):
        assert refresh(client, first).status_code == 401
    auth.mail_delivery.deliver_due()
    assert [letter.subject for letter in mailbox.messages[1:]] == ["Your session was used from two places"]


@pytest.mark.usefixtures("each_database")
def test_idempotency_key_returns_the_same_successor_later(app: Flask, client: FlaskClient, first: str) -> None:
    second = refresh(client, first, "attempt-1").json["refresh_token"]
    let_the_grace_pass(app)
    assert refresh(client, first, "attempt-1").json["refresh_token"] != first
    again = refresh(client, first, "attempt-1")
    assert again.status_code == 200
    assert refresh(client, again.json["refresh_token"]).status_code == 200
    assert second


def test_a_key_does_not_outlive_the_next_refresh(app: Flask, client: FlaskClient, first: str) -> None:
    second = refresh(client, first, "attempt-1").json["refresh_token"]
    refresh(client, second)
    assert refresh(client, first, "attempt-1").status_code == 401


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_of_no_or_endless_length_is_refused(client: FlaskClient, first: str, key: str) -> None:
    answer = client.post(REFRESH, headers={"Authorization": f"Bearer {first}", "Idempotency-Key": key})
    assert answer.json["code"] == "invalid_input"
    assert refresh(client, first).status_code == 200


def test_refreshing_adds_no_row(app: Flask, client: FlaskClient, first: str) -> None:
    token = first
    for _ in range(20):
        token = refresh(client, token).json["refresh_token"]
    with app.app_context():
        rows = db.session.scalar(sa.select(sa.func.count()).select_from(Session))
        db.session.remove()
    assert rows == 1
