"""What a client sends on purpose counts, and not the cookies that its browser adds."""

import base64

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.api import ANN, bearer

BOB = {"email": "bob@example.com", "password": "correct horse battery"}


@pytest.fixture
def ann(client: FlaskClient) -> dict[str, str]:
    """Ann's tokens, while the browser has cookies of Bob."""
    tokens = client.post("/api/v1/auth/signup", json=ANN).json
    assert client.post("/api/v1/auth/signup?transport=cookie", json=BOB).status_code == 201
    return tokens


def end_session_of_cookies(client: FlaskClient) -> None:
    access = client.post("/api/v1/auth/login", json=BOB).json["access_token"]
    assert client.post("/api/v1/auth/logout?scope=others", headers=bearer(access)).status_code == 204


def set_cookies(answer: TestResponse) -> list[str]:
    return answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("are_dead", [False, True])
def test_bearer_token_counts_and_cookies_do_not(client: FlaskClient, ann: dict[str, str], are_dead: bool) -> None:
    if are_dead:
        end_session_of_cookies(client)
    access = bearer(ann["access_token"])
    assert client.get("/api/v1/account", headers=access).json["email"] == ANN["email"]
    changed = client.patch("/api/v1/account", json={"first_name": "Ann"}, headers=access)  # without a CSRF token
    assert (changed.status_code, changed.json["email"]) == (200, ANN["email"])
    assert not set_cookies(changed)


@pytest.mark.parametrize("place", ["body", "header"])
def test_refresh_token_counts_and_cookies_do_not(client: FlaskClient, ann: dict[str, str], place: str) -> None:
    token = ann["refresh_token"]
    sent = {"json": {"refresh_token": token}} if place == "body" else {"headers": bearer(token)}
    answer = client.post("/api/v1/auth/refresh", **sent)
    assert answer.json["token_type"] == "Bearer"
    assert client.get("/api/v1/account", headers=bearer(answer.json["access_token"])).json["email"] == ANN["email"]
    assert not set_cookies(answer)


@pytest.mark.parametrize("header", ["Bearer", "Bearer x.y.z", "Bearer a b"])
def test_wrong_bearer_token_is_rejected_despite_live_cookies(
    client: FlaskClient, ann: dict[str, str], header: str
) -> None:
    answer = client.get("/api/v1/account", headers={"Authorization": header})
    assert (answer.status_code, answer.json["code"]) == (401, "invalid_token")
    assert not set_cookies(answer)


@pytest.mark.settings(basic_auth=True)
def test_password_in_the_header_counts_and_cookies_do_not(client: FlaskClient, ann: dict[str, str]) -> None:
    credentials = base64.b64encode(f"{ANN['email']}:{ANN['password']}".encode()).decode()
    answer = client.get("/api/v1/account", headers={"Authorization": f"Basic {credentials}"})
    assert answer.json["email"] == ANN["email"]


def test_header_of_another_service_leaves_the_cookies_in_use(client: FlaskClient, ann: dict[str, str]) -> None:
    # A password in front of a whole site, as for a preview, is not for this service.
    answer = client.get("/api/v1/account", headers={"Authorization": "Basic YW5uOnNlY3JldA=="})
    assert answer.json["email"] == BOB["email"]


def test_csrf_token_is_that_of_the_cookies(client: FlaskClient, ann: dict[str, str]) -> None:
    own = client.get("/api/v1/auth/csrf").json
    assert client.get("/api/v1/auth/csrf", headers=bearer(ann["access_token"])).json == own
    assert client.patch("/api/v1/account", json={}, headers={"X-CSRF-Token": own["csrf_token"]}).status_code == 200


def test_cookies_of_an_ended_session_do_not_block_a_stranger(client: FlaskClient, ann: dict[str, str]) -> None:
    resend = {"json": {"email": "eve@example.com"}}
    assert client.post("/api/v1/verify-email/resend", **resend).json["code"] == "csrf_failed"
    end_session_of_cookies(client)
    assert client.post("/api/v1/verify-email/resend", **resend).status_code == 202
    client.delete_cookie("latchkey_access")
    signed_in = client.post("/api/v1/auth/login?transport=cookie", json=BOB)
    assert signed_in.status_code == 200
