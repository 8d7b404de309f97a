"""Changing a known password, which needs a fresh sign-in."""

import pytest
from flask.testing import FlaskClient

ANN = {"email": "ann@example.com", "password": "correct horse battery"}
NEW = "a new horse battery"
CHANGE = "/api/v1/account/password"


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


@pytest.fixture
def ann(client: FlaskClient) -> dict[str, str]:
    return bearer(client.post("/api/v1/auth/signup", json=ANN).json)


def sign_in(client: FlaskClient, password: str) -> int:
    return client.post("/api/v1/auth/login", json=ANN | {"password": password}).status_code


def test_just_signed_in_the_new_password_is_enough(client: FlaskClient, ann: dict[str, str]) -> None:
    assert client.put(CHANGE, json={"password": NEW}, headers=ann).status_code == 204
    assert (sign_in(client, ANN["password"]), sign_in(client, NEW)) == (401, 200)


def test_later_it_needs_the_present_one(client: FlaskClient, ann: dict[str, str], clock) -> None:
    clock.advance(minutes=11)
    refused = client.put(CHANGE, json={"password": NEW}, headers=ann)
    assert (refused.status_code, refused.json["code"]) == (403, "reauthentication_required")
    given = {"password": NEW, "current_password": ANN["password"]}
    assert client.put(CHANGE, json=given, headers=ann).status_code == 204


def test_reauthentication_makes_the_session_recent(client: FlaskClient, ann: dict[str, str], clock) -> None:
    clock.advance(minutes=11)
    again = client.post("/api/v1/auth/reauthenticate", json={"password": ANN["password"]}, headers=ann)
    assert again.status_code == 204
    assert client.put(CHANGE, json={"password": NEW}, headers=ann).status_code == 204


def test_wrong_current_password_is_rejected_despite_recent_authentication(
    client: FlaskClient, ann: dict[str, str]
) -> None:
    refused = client.put(CHANGE, json={"password": NEW, "current_password": "wrong"}, headers=ann)
    assert (refused.status_code, refused.json["code"]) == (403, "wrong_password")
    assert client.post("/api/v1/auth/reauthenticate", json={"password": "wrong"}, headers=ann).status_code == 403


@pytest.mark.usefixtures("each_database")
def test_the_other_sessions_end_and_this_one_stays(client: FlaskClient, ann: dict[str, str]) -> None:
    other = bearer(client.post("/api/v1/auth/login", json=ANN).json)
    client.put(CHANGE, json={"password": NEW}, headers=ann)
    assert client.get("/api/v1/account", headers=other).status_code == 401
    assert client.get("/api/v1/account", headers=ann).status_code == 200


def test_owner_gets_an_email(client: FlaskClient, ann: dict[str, str], auth, mailbox) -> None:
    client.put(CHANGE, json={"password": NEW}, headers=ann)
    auth.mail_delivery.deliver_due()
    assert [email.subject for email in mailbox.messages[1:]] == ["Your password was changed"]


def test_a_reset_link_from_before_is_void(client: FlaskClient, ann: dict[str, str], auth, mailbox) -> None:
    client.post("/api/v1/forgot-password", json={"email": ANN["email"]})
    auth.mail_delivery.deliver_due()
    token = mailbox.messages[1].token
    client.put(CHANGE, json={"password": NEW}, headers=ann)
    body = {"reset_token": token, "password": "yet another one"}
    assert client.post("/api/v1/reset-password", json=body).json["code"] == "link_used"


def test_a_short_one_is_refused(client: FlaskClient, ann: dict[str, str]) -> None:
    assert client.put(CHANGE, json={"password": "short"}, headers=ann).json["code"] == "password_too_short"
