"""Signing out needs any one token of the session, and leaves no dead cookie in the browser."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import AuthInContext
from tests.flows.test_refresh_theft import let_the_grace_pass
from tests.support.api import ANN, bearer, is_problem

COOKIES = {"latchkey_access", "latchkey_refresh", "latchkey_csrf"}


@pytest.fixture
def ann(client: FlaskClient) -> dict[str, str]:
    """Tokens of a session."""
    return client.post("/api/v1/auth/signup", json=ANN).json


def sign_in(client: FlaskClient) -> dict[str, str]:
    return client.post("/api/v1/auth/login", json=ANN).json


def sign_in_by_cookie(client: FlaskClient) -> dict[str, str]:
    """The header for writes."""
    return {"X-CSRF-Token": client.post("/api/v1/auth/login?transport=cookie", json=ANN).json["csrf_token"]}


def log_out(client: FlaskClient, scope: str = "this", **sent: Any) -> TestResponse:
    return client.post(f"/api/v1/auth/logout?scope={scope}", **sent)


def is_live(client: FlaskClient, tokens: dict[str, str]) -> bool:
    return client.get("/api/v1/account", headers=bearer(tokens["access_token"])).status_code == 200


def refresh(client: FlaskClient, tokens: dict[str, str]) -> TestResponse:
    return client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})


def deleted(answer: TestResponse) -> set[str]:
    lines = answer.headers.getlist("Set-Cookie")
    assert all("Max-Age=0" in line for line in lines)
    return {line.partition("=")[0] for line in lines}


def ways(tokens: dict[str, str]) -> list[dict[str, Any]]:
    """Each way to send a token for signing out."""
    in_body = {"json": {"refresh_token": tokens["refresh_token"]}}
    return [
        {"headers": bearer(tokens["access_token"])},
        {"headers": bearer(tokens["refresh_token"])},
        in_body,
        in_body | {"headers": bearer("x.y.z")},  # an access token that a client adds to every request, and has expired
    ]


@pytest.mark.parametrize("way", range(4))
@pytest.mark.parametrize(("scope", "left"), [("this", [False, True]), ("others", [True, False]), ("all", [False] * 2)])
def test_any_token_of_the_session_is_enough(
    client: FlaskClient, ann: dict[str, str], scope: str, left: list[bool], way: int
) -> None:
    other = sign_in(client)
    assert log_out(client, scope, **ways(ann)[way]).status_code == 204
    assert [is_live(client, tokens) for tokens in (ann, other)] == left
    assert [refresh(client, tokens).status_code == 200 for tokens in (ann, other)] == left


def test_used_refresh_token_ends_its_own_session_quietly(
    app: Flask, client: FlaskClient, auth: AuthInContext, ann: dict[str, str], mailbox: Any
) -> None:
    successor, other = refresh(client, ann).json, sign_in(client)
    let_the_grace_pass(app)
    assert log_out(client, json={"refresh_token": ann["refresh_token"]}).status_code == 204
    assert [is_live(client, tokens) for tokens in (successor, other)] == [False, True]
    auth.mail_delivery.deliver_due()
    assert not [message for message in mailbox.messages if "twice" in message.subject]


@pytest.mark.parametrize("scope", ["others", "all"])
def test_used_refresh_token_ends_no_other_session(
    app: Flask, client: FlaskClient, ann: dict[str, str], scope: str
) -> None:
    successor, other = refresh(client, ann).json, sign_in(client)
    let_the_grace_pass(app)
    assert is_problem(log_out(client, scope, json={"refresh_token": ann["refresh_token"]}), 401, "invalid_token")
    assert [is_live(client, tokens) for tokens in (successor, other)] == [False, True]  # it was in two hands


@pytest.mark.parametrize("lost", ["latchkey_access", "latchkey_refresh", "nothing"])
def test_one_cookie_is_enough_and_all_are_deleted(client: FlaskClient, ann: dict[str, str], lost: str) -> None:
    csrf = sign_in_by_cookie(client)
    client.delete_cookie(lost)
    assert is_problem(log_out(client), 403, "csrf_failed")
    answer = log_out(client, headers=csrf)
    assert (answer.status_code, deleted(answer)) == (204, COOKIES)
    sessions = client.get("/api/v1/account/sessions", headers=bearer(ann["access_token"])).json["sessions"]
    assert len(sessions) == 1


def test_signing_out_others_keeps_the_cookies(client: FlaskClient, ann: dict[str, str]) -> None:
    csrf = sign_in_by_cookie(client)
    client.delete_cookie("latchkey_access")
    assert deleted(log_out(client, "others", headers=csrf)) == set()
    assert not is_live(client, ann)
    assert client.post("/api/v1/auth/refresh", headers=csrf).status_code == 200


def test_sign_out_deletes_cookies_of_an_ended_session(app: Flask, client: FlaskClient, ann: dict[str, str]) -> None:
    csrf = sign_in_by_cookie(client)
    log_out(app.test_client(), "all", headers=bearer(ann["access_token"]))
    answer = log_out(client, headers=csrf)
    assert (answer.status_code, answer.json["code"], deleted(answer)) == (401, "invalid_token", COOKIES)


def test_bearer_sign_out_deletes_dead_cookies_only(client: FlaskClient, ann: dict[str, str]) -> None:
    sign_in_by_cookie(client)
    assert deleted(log_out(client, headers=bearer(sign_in(client)["access_token"]))) == set()
    assert client.get("/api/v1/account").status_code == 200
    answer = log_out(client, "all", json={"refresh_token": ann["refresh_token"]})
    assert (answer.status_code, deleted(answer)) == (204, COOKIES)


def test_cross_site_page_cannot_sign_out(client: FlaskClient, ann: dict[str, str]) -> None:
    csrf = sign_in_by_cookie(client)
    client.delete_cookie("latchkey_access")
    for sent in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert is_problem(answer := log_out(client, headers=csrf | sent), 403, "csrf_failed")
        assert deleted(answer) == set()
    assert client.post("/api/v1/auth/refresh", headers=csrf).status_code == 200


@pytest.mark.settings(basic_auth=True)
def test_password_in_the_header_signs_out_all(client: FlaskClient, ann: dict[str, str]) -> None:
    assert log_out(client, "all", auth=(ANN["email"], ANN["password"])).status_code == 204
    assert not is_live(client, ann)
