"""Where an account is signed in, and signing one device out from afar."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

ANN = {"email": "ann@example.com", "password": "correct horse battery"}
BOB = {"email": "bob@example.com", "password": "correct horse battery"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
LIST = "/api/v1/account/sessions"


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def sign_in(client: FlaskClient, who: dict[str, str], agent: str = FIREFOX, path: str = "login") -> dict[str, str]:
    return client.post(f"/api/v1/auth/{path}", json=who, headers={"User-Agent": agent}).json


def test_each_device_has_a_name_that_a_person_recognises(client: FlaskClient) -> None:
    sign_in(client, ANN, path="signup")
    phone = sign_in(client, ANN, IPHONE)
    listed = client.get(LIST, headers=bearer(phone)).json["sessions"]
    assert {session["name"]: session["current"] for session in listed} == {
        "Firefox on Linux": False,
        "Mobile Safari on iPhone": True,
    }
    assert {session["ip"] for session in listed} == {"127.0.0.1"}


def test_the_device_used_last_comes_first(client: FlaskClient, clock) -> None:
    old = sign_in(client, ANN, path="signup")
    clock.advance(20)
    new = sign_in(client, ANN, IPHONE)
    assert [s["current"] for s in client.get(LIST, headers=bearer(new)).json["sessions"]] == [True, False]
    assert [s["current"] for s in client.get(LIST, headers=bearer(old)).json["sessions"]] == [False, True]


@pytest.mark.usefixtures("each_database")
def test_revoked_session_is_rejected_at_once_and_not_listed(client: FlaskClient) -> None:
    lost, mine = sign_in(client, ANN, path="signup"), sign_in(client, ANN, IPHONE)
    lost_id = next(s["id"] for s in client.get(LIST, headers=bearer(mine)).json["sessions"] if not s["current"])
    assert client.delete(f"{LIST}/{lost_id}", headers=bearer(mine)).status_code == 204
    assert client.get("/api/v1/account", headers=bearer(lost)).status_code == 401
    refresh = {"Authorization": f"Bearer {lost['refresh_token']}"}
    assert client.post("/api/v1/auth/refresh", headers=refresh).status_code == 401
    assert [s["current"] for s in client.get(LIST, headers=bearer(mine)).json["sessions"]] == [True]


def test_session_of_another_account_is_not_found(app: Flask) -> None:
    client = app.test_client()
    ann, bob = sign_in(client, ANN, path="signup"), sign_in(client, BOB, path="signup")
    bobs = client.get(LIST, headers=bearer(bob)).json["sessions"][0]["id"]
    refused = client.delete(f"{LIST}/{bobs}", headers=bearer(ann))
    assert (refused.status_code, refused.json["code"]) == (404, "session_not_found")
    assert client.get("/api/v1/account", headers=bearer(bob)).status_code == 200


def test_malformed_id_is_not_found(client: FlaskClient) -> None:
    ann = sign_in(client, ANN, path="signup")
    assert client.delete(f"{LIST}/not-an-id", headers=bearer(ann)).status_code == 404


def test_asking_who_i_am_writes_nothing(client: FlaskClient) -> None:
    ann = sign_in(client, ANN, path="signup")
    before = client.get(LIST, headers=bearer(ann)).json
    for _ in range(3):
        client.get("/api/v1/account", headers=bearer(ann))
    assert client.get(LIST, headers=bearer(ann)).json == before
