"""Signing in on our pages for an app of another origin: the redirect, its code, and what it is worth."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from app.domain.providers.model import code_challenge_of
from tests.support.api import ANN, bearer, sign_up, sql

APP = "https://app.example.com/signed-in"
MOBILE = "com.example.app:/signed-in?tab=1"
VERIFIER = "v" * 43
pytestmark = pytest.mark.settings(redirect_urls=[APP, MOBILE])


def sign_in_url(redirect_to=APP, **changes):
    query = {"redirect_to": redirect_to, "code_challenge": code_challenge_of(VERIFIER), "state": "s 1&x"} | changes
    return "/sign-in?" + urlencode({name: value for name, value in query.items() if value is not None})


def returned(page):
    """The URL to which the page leads, and its parameters."""
    url = unescape(re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text)[1])
    return url, dict(parse_qsl(urlsplit(url).query))


def sign_in_for_the_app(client, **changes):
    """The parameters with which the app gets the browser back."""
    assert client.get(sign_in_url(**changes)).status_code == 200
    client.post("/sign-in", data=ANN)
    return returned(client.get("/sign-in/done"))


def redeem(client, code, verifier=VERIFIER, query=""):
    return client.post(f"/api/v1/auth/token{query}", json={"code": code, "code_verifier": verifier})


@pytest.fixture
def app_client(client):
    """The client of the app, which has none of the cookies of the pages."""
    sign_up(client.application.test_client())
    return client.application.test_client()


@pytest.mark.parametrize("redirect_to", [APP, MOBILE])
def test_app_gets_tokens_for_the_code(client, app_client, redirect_to):
    url, given = sign_in_for_the_app(client, redirect_to=redirect_to)
    assert url.startswith(redirect_to)
    assert given["state"] == "s 1&x"
    tokens = redeem(app_client, given["code"]).json
    account = app_client.get("/api/v1/account", headers=bearer(tokens["access_token"])).json
    assert account["email"] == ANN["email"]


def test_state_is_optional(client, app_client):
    assert set(sign_in_for_the_app(client, state=None)[1]) == {"code"}


def test_code_works_once_and_with_its_verifier(client, app_client):
    code = sign_in_for_the_app(client)[1]["code"]
    for wrong in (("x" + code[1:], VERIFIER), (code, "w" * 43), (code[:-4], VERIFIER)):
        assert redeem(app_client, *wrong).json["code"] == "sign_in_code_invalid"
    assert redeem(app_client, code).status_code == 200
    assert redeem(app_client, code).json["code"] == "sign_in_code_invalid"


def test_code_lives_a_minute(client, app_client, clock):
    code = sign_in_for_the_app(client)[1]["code"]
    clock.advance(seconds=61)
    assert redeem(app_client, code).json["code"] == "sign_in_code_invalid"


def test_sign_in_for_an_app_leaves_one_session(client, app_client, app):
    sql(app, "DELETE FROM sessions")
    code = sign_in_for_the_app(client)[1]["code"]
    assert client.get_cookie("latchkey_access") is None
    tokens = redeem(app_client, code).json
    listed = app_client.get("/api/v1/account/sessions", headers=bearer(tokens["access_token"])).json["sessions"]
    assert [session["current"] for session in listed] == [True]


def test_session_that_was_there_before_is_asked_and_stays(client, app_client):
    client.post("/sign-in", data=ANN)
    assert "Continue as" in client.get(sign_in_url()).text
    code = returned(client.post("/sign-in/continue"))[1]["code"]
    assert redeem(app_client, code).status_code == 200
    assert client.get("/account").status_code == 200


def test_another_account_may_be_used_instead(client, app_client):
    client.post("/sign-in", data=ANN)
    client.get(sign_in_url())
    again = client.post("/sign-in/out").headers["Location"]
    assert again == sign_in_url().replace("%3A", ":").replace("%2F", "/")
    assert client.get(again).status_code == 200
    client.post("/sign-up", data=ANN | {"email": "bob@example.com"})
    code = returned(client.get("/sign-in/done"))[1]["code"]
    tokens = redeem(app_client, code).json
    account = app_client.get("/api/v1/account", headers=bearer(tokens["access_token"])).json
    assert account["email"] == "bob@example.com"


def test_app_learns_when_the_person_authenticated(client, app_client, clock, app):
    client.post("/sign-in", data=ANN)
    clock.advance(minutes=20)
    client.get(sign_in_url())
    assert redeem(app_client, returned(client.post("/sign-in/continue"))[1]["code"]).status_code == 200
    rows = sql(app, "SELECT created_at, authenticated_at FROM sessions ORDER BY created_at")
    assert (rows[-1][0] > rows[-2][0], rows[-1][1]) == (True, rows[-2][1])


def test_code_of_an_ended_session_is_worth_nothing(client, app_client):
    client.post("/sign-in", data=ANN)
    client.get(sign_in_url())
    code = returned(client.post("/sign-in/continue"))[1]["code"]
    client.post("/sign-in/out")
    assert redeem(app_client, code).json["code"] == "sign_in_code_invalid"


@pytest.mark.parametrize(
    "redirect_to",
    [
        "https://evil.example", "https://app.example.com/signed-in/", "https://app.example.com/signed-in?x",
        "//evil.example", "/\\evil.example", "javascript:alert(1)", "HTTPS://app.example.com/signed-in", "https://app.example.com/signed-in#",
        "", " ",
    ],
)  # fmt: skip
def test_other_urls_are_not_led_to(client, redirect_to):
    sign_up(client)
    answer = client.get(sign_in_url(redirect_to=redirect_to))
    assert answer.status_code == 400
    client.set_cookie("latchkey_sign_in_return", urlencode({"redirect_to": redirect_to, "code_challenge": "x" * 43}))
    client.post("/sign-in", data=ANN)
    assert "refresh" not in client.get("/sign-in/done").text


@pytest.mark.parametrize(
    "changes", [{"code_challenge": None}, {"code_challenge": "short"}, {"state": ""}, {"state": "é"}]
)
def test_app_must_send_a_challenge_and_a_usable_state(client, changes):
    assert client.get(sign_in_url(**changes)).status_code == 400


def test_later_visit_forgets_the_app(client, app_client):
    client.get(sign_in_url())
    client.get("/sign-in")
    client.post("/sign-in", data=ANN)
    assert "You are signed in" in client.get("/sign-in/done").text


def test_other_site_cannot_continue_a_sign_in(client, app_client):
    client.post("/sign-in", data=ANN)
    client.get(sign_in_url())
    answer = client.post("/sign-in/continue", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
