"""Tokens in cookies: out of scripts' reach, and of no use to a stranger's page."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ANN = {"email": "ann@example.com", "password": "correct horse battery"}
SIGNUP = "/api/v1/auth/signup?transport=cookie"


def sign_up(client: FlaskClient) -> str:
    return client.post(SIGNUP, json=ANN).json["csrf_token"]


def cookies_set(answer: TestResponse) -> dict[str, str]:
    return {line.partition("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}


def test_tokens_are_only_in_httponly_cookies(client: FlaskClient) -> None:
    answer = client.post(SIGNUP, json=ANN)
    assert answer.status_code == 201
    assert answer.json.keys() == {"token_type", "expires_in", "csrf_token"}
    cookies = cookies_set(answer)
    assert all("HttpOnly" in cookies[name] for name in ("latchkey_access", "latchkey_refresh"))
    assert all("SameSite=Lax" in line and "Path=/" in line and "Domain" not in line for line in cookies.values())


@pytest.mark.settings(public_url="https://accounts.example.com")
def test_behind_https_the_cookies_are_bound_to_the_host(client: FlaskClient) -> None:
    cookies = cookies_set(client.post(SIGNUP, json=ANN))
    assert set(cookies) == {
        "__Host-latchkey_access",
        "__Host-latchkey_refresh",
        "__Host-latchkey_csrf",
        "__Host-latchkey_device",
    }
    assert all("Secure" in line for line in cookies.values())
    assert all(len(line) < 4096 for line in cookies.values())


def test_the_cookie_alone_reads(client: FlaskClient) -> None:
    sign_up(client)
    assert client.get("/api/v1/account").json["email"] == "ann@example.com"


def test_a_write_needs_the_csrf_header(client: FlaskClient) -> None:
    token = sign_up(client)
    refused = client.patch("/api/v1/account", json={"first_name": "Ann"})
    assert (refused.status_code, refused.json["code"]) == (403, "csrf_failed")
    done = client.patch("/api/v1/account", json={"first_name": "Ann"}, headers={"X-CSRF-Token": token})
    assert done.json["first_name"] == "Ann"


def test_csrf_token_of_another_session_is_rejected(app: Flask) -> None:
    mine, theirs = app.test_client(), app.test_client()
    sign_up(mine)
    planted = theirs.post("/api/v1/auth/login?transport=cookie", json=ANN).json["csrf_token"]
    mine.set_cookie("latchkey_csrf", planted)
    refused = mine.patch("/api/v1/account", json={"first_name": "Eve"}, headers={"X-CSRF-Token": planted})
    assert refused.json["code"] == "csrf_failed"


@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8000.evil.example"},
    ],
)
def test_cross_site_write_is_rejected_despite_the_csrf_token(client: FlaskClient, sent: dict[str, str]) -> None:
    token = sign_up(client)
    refused = client.post("/api/v1/auth/logout", headers={"X-CSRF-Token": token} | sent)
    assert (refused.status_code, refused.json["code"]) == (403, "csrf_failed")


def test_cross_site_login_sets_no_cookies(client: FlaskClient) -> None:
    client.post("/api/v1/auth/signup", json=ANN)
    refused = client.post("/api/v1/auth/login?transport=cookie", json=ANN, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403
    assert not cookies_set(refused)


def test_cookie_refresh_sets_cookies_and_needs_the_csrf_header(client: FlaskClient) -> None:
    token = sign_up(client)
    assert client.post("/api/v1/auth/refresh").json["code"] == "csrf_failed"
    answer = client.post("/api/v1/auth/refresh", headers={"X-CSRF-Token": token})
    assert answer.status_code == 200
    assert "access_token" not in answer.json
    assert "latchkey_refresh" in cookies_set(answer)


def test_losing_a_race_of_refreshes_never_clears_a_cookie(app: Flask) -> None:
    client = app.test_client()
    token = sign_up(client)
    old = client.get_cookie("latchkey_refresh").value

    def refresh(_: int) -> TestResponse:
        tab = app.test_client()
        tab.set_cookie("latchkey_refresh", old)
        tab.set_cookie("latchkey_csrf", token)
        return tab.post("/api/v1/auth/refresh", headers={"X-CSRF-Token": token})

    with ThreadPoolExecutor(8) as tabs:
        answers = list(tabs.map(refresh, range(16)))
    assert {answer.status_code for answer in answers} == {200}
    values = {cookies_set(answer)["latchkey_refresh"].split(";")[0] for answer in answers}
    assert len(values) == 1


def test_rejected_foreign_token_deletes_no_cookie(client: FlaskClient) -> None:
    token = sign_up(client)
    client.set_cookie("latchkey_refresh", "not-a-token")
    refused = client.post("/api/v1/auth/refresh", headers={"X-CSRF-Token": token})
    assert refused.status_code == 401
    assert not cookies_set(refused)


def test_signing_out_takes_the_cookies_back(client: FlaskClient) -> None:
    token = sign_up(client)
    answer = client.post("/api/v1/auth/logout", headers={"X-CSRF-Token": token})
    assert answer.status_code == 204
    assert all("Max-Age=0" in line for line in cookies_set(answer).values())
    assert client.get("/api/v1/account").status_code == 401


def ask_csrf(client: FlaskClient, **headers: str) -> TestResponse:
    return client.get("/api/v1/auth/csrf", headers=headers)


@pytest.mark.parametrize("lost", ["latchkey_csrf", "latchkey_access", "latchkey_refresh"])
def test_the_csrf_token_can_be_asked_for(client: FlaskClient, lost: str) -> None:
    token = sign_up(client)
    client.delete_cookie(lost)
    answer = ask_csrf(client)
    assert (answer.status_code, answer.json) == (200, {"csrf_token": token})
    assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == ("no-store", "Origin")
    assert not cookies_set(answer)


def test_a_page_that_cannot_read_cookies_writes_with_it(client: FlaskClient) -> None:
    sign_up(client)
    client.delete_cookie("latchkey_csrf")
    client.delete_cookie("latchkey_access")
    proof = {"X-CSRF-Token": ask_csrf(client).json["csrf_token"]}
    assert client.patch("/api/v1/account", json={"first_name": "Ann"}, headers=proof).json["code"] == "token_expired"
    assert client.post("/api/v1/auth/refresh", headers=proof).status_code == 200
    assert client.patch("/api/v1/account", json={"first_name": "Ann"}, headers=proof).status_code == 200


@pytest.mark.settings(cors_origins=["https://app.example"])
def test_only_listed_origins_may_read_the_csrf_token(client: FlaskClient) -> None:
    sign_up(client)
    allowed = ask_csrf(client, Origin="https://app.example")
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert allowed.headers["Access-Control-Allow-Credentials"] == "true"
    for sent in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = ask_csrf(client, **sent)
        assert (refused.status_code, refused.json["code"]) == (403, "csrf_failed")
        assert refused.headers.get("Access-Control-Allow-Origin") in (None, "https://app.example")


def test_csrf_token_needs_a_cookie(app: Flask, client: FlaskClient) -> None:
    tokens = client.post("/api/v1/auth/signup", json=ANN).json
    for headers in ({}, {"Authorization": f"Bearer {tokens['access_token']}"}):
        answer = ask_csrf(client, **headers)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    client.set_cookie("latchkey_refresh", tokens["access_token"])
    assert ask_csrf(client).json["code"] == "invalid_token"


def test_refresh_cookie_alone_reports_an_expired_token(client: FlaskClient) -> None:
    proof = {"X-CSRF-Token": sign_up(client)}
    client.delete_cookie("latchkey_access")  # as a browser does when its time is over
    for answer in (client.get("/api/v1/account"), client.patch("/api/v1/account", json={}, headers=proof)):
        assert (answer.status_code, answer.json["code"]) == (401, "token_expired")
        assert not cookies_set(answer)
    client.delete_cookie("latchkey_refresh")
    assert client.get("/api/v1/account").json["code"] == "unauthenticated"


def test_a_nameless_cookie_is_not_taken_for_ours(client: FlaskClient) -> None:
    access = client.post("/api/v1/auth/signup", json=ANN).json["access_token"]
    answer = client.get("/api/v1/account", headers={"Cookie": f"=latchkey_access={access}"})
    assert answer.status_code == 401
