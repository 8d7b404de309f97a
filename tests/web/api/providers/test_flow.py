"""Sign-in by the pages of a provider: start, callback, and our code for the app."""

import json

import pytest

from app.core.base64url import decode
from app.domain.providers.model import code_challenge_of
from tests.support.api import is_problem
from tests.support.lying_provider import CLIENT_ID, DISCOVERY, Reply
from tests.support.provider_visitor import APP, AUTH, MOBILE, REDIRECT_URLS, query_of

FLOW = "latchkey_flow"


def flow_cookie(answer):
    return next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith(FLOW))


def test_providers_are_listed(client, lying):
    answer = client.get(f"{AUTH}/providers")
    assert answer.json == {"providers": [{"id": "work", "name": "Work"}, {"id": "github", "name": "GitHub"}]}
    assert lying.requests == []


def test_start_leads_to_the_provider(visitor, lying):
    answer = visitor.start()
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{lying.url}/authorization?")
    assert visitor.asked["client_id"] == CLIENT_ID
    assert visitor.asked["redirect_uri"] == f"http://localhost:8000{AUTH}/providers/work/callback"
    assert {len(decode(visitor.asked[name])) for name in ("state", "nonce", "code_challenge")} == {32}
    assert visitor.asked["code_challenge"] != code_challenge_of(visitor.verifier)


def test_each_start_has_secrets_of_its_own(visitor):
    seen = []
    for _ in range(5):
        visitor.start()
        seen += [visitor.asked[name] for name in ("state", "nonce", "code_challenge")]
    assert len(set(seen)) == 15


def test_flow_cookie_is_unreadable_and_short_lived(visitor):
    cookie = flow_cookie(visitor.start())
    value = cookie.partition("=")[2].partition(";")[0]
    assert {"HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= set(cookie.split("; "))
    assert len(cookie) < 4_096
    assert [
        secret for secret in (visitor.asked["state"], visitor.app_state, APP) if secret.encode() in decode(value)
    ] == []


@pytest.mark.settings(public_url="https://id.example.com", cookie_samesite="strict")
def test_flow_cookie_is_for_this_host_and_lax(visitor):
    cookie = next(each for each in visitor.start().headers.getlist("Set-Cookie"))
    assert cookie.startswith("__Host-latchkey_flow=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


@pytest.mark.settings(public_url="https://id.example.com/auth", cookie_samesite="none", cookie_domain="example.com")
def test_flow_cookie_is_never_shared_or_partitioned(visitor):
    cookie = next(each for each in visitor.start().headers.getlist("Set-Cookie"))
    assert cookie.startswith("__Secure-latchkey_flow=")
    assert "Path=/auth" in cookie
    assert not {"Domain=example.com", "Partitioned", "SameSite=None"} & set(cookie.split("; "))


@pytest.mark.parametrize("redirect_to", REDIRECT_URLS)
def test_callback_leads_to_the_app_with_code_and_state(visitor, lying, redirect_to):
    visitor.start(redirect_to=redirect_to)
    lying.claims = {"nonce": visitor.asked["nonce"]}
    answer = visitor.come_back()
    joined = "&" if "?" in redirect_to else "?"
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{redirect_to}{joined}code=")
    assert query_of(answer.headers["Location"])["state"] == visitor.app_state
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert answer.data == b""
    assert "Max-Age=0" in flow_cookie(answer)


def test_state_of_the_app_is_optional(visitor, lying):
    visitor.start(state=None)
    lying.claims = {"nonce": visitor.asked["nonce"]}
    assert query_of(visitor.come_back().headers["Location"]).keys() == {"code"}


def test_code_shows_nothing_of_the_person(visitor):
    raw = decode(visitor.code())
    assert [text for text in (b"ann@", b"subject-1", b"Lee") if text in raw] == []


def test_provider_gets_the_verifier_that_fits_its_challenge(visitor, lying):
    visitor.code()
    (form,) = [form for path, form, _ in lying.requests if path == "/token"]
    assert code_challenge_of(form["code_verifier"]) == visitor.asked["code_challenge"]
    assert form["redirect_uri"] == visitor.asked["redirect_uri"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("access_denied", "provider_denied"),
        ("user_cancelled_authorize", "provider_denied"),
        ("server_error", "provider_sign_in_failed"),
        ("<script>", "provider_sign_in_failed"),
    ],
)
def test_error_of_the_provider_becomes_one_of_ours(visitor, lying, error, code):
    visitor.start()
    answer = visitor.come_back(code=None, error=error, error_description="x")
    assert answer.status_code == 303
    assert query_of(answer.headers["Location"]) == {"error": code, "state": visitor.app_state}
    assert lying.count("/token") == 0


def test_refused_code_is_reported_to_the_app(visitor, lying):
    visitor.start()
    lying.replies["/token"] = Reply(400, b'{"error": "invalid_grant"}')
    assert query_of(visitor.come_back().headers["Location"])["error"] == "provider_sign_in_failed"


def test_provider_that_fails_is_reported_to_the_app(visitor, lying):
    visitor.start()
    lying.replies["/token"] = Reply(500)
    assert query_of(visitor.come_back().headers["Location"])["error"] == "provider_unavailable"


def test_callback_without_code_is_reported_to_the_app(visitor):
    visitor.start()
    assert query_of(visitor.come_back(code=None).headers["Location"])["error"] == "provider_sign_in_failed"


def test_unreachable_provider_is_503_for_it_alone(visitor, client, lying):
    lying.replies[DISCOVERY] = Reply(500)
    answer = visitor.start()
    assert is_problem(answer, 503, "provider_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert "Set-Cookie" not in answer.headers
    visitor.id = "github"
    assert visitor.start().status_code == 303
    assert client.get("/healthz").status_code == 200
    assert (
        client.post(f"{AUTH}/signup", json={"email": "a@example.com", "password": "correct horse 1"}).status_code == 201
    )


def test_unknown_provider_is_not_found(visitor):
    for visitor.id in ("google", "Work", "work%20", "..", "w" * 100):
        assert visitor.start().status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None},
        {"code_challenge": "short"},
        {"code_challenge": "=" * 43},
        {"code_challenge": "A" * 44},
        {"redirect_to": None},
        {"state": "x" * 501},
        {"state": "line\nbreak"},
        {"state": "ä"},
        {"prompt": "none"},
    ],
)
def test_bad_start_is_400(visitor, changes):
    answer = visitor.start(**changes)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_longest_texts_fit_into_the_cookie(visitor):
    visitor.start(state="x" * 500)
    assert visitor.come_back(error="x").status_code == 303


def test_browser_gets_errors_as_pages(visitor, client):
    asked = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in ("start", "callback?code=x&state=x"):
        answer = client.get(f"{AUTH}/providers/work/{path}", headers=asked)
        assert (answer.status_code, answer.mimetype) == (400, "text/html")
        assert "Content-Security-Policy" in answer.headers
    assert client.get(f"{AUTH}/providers/work/callback").mimetype == "application/problem+json"


def test_form_of_apple_is_answered_with_the_same_as_get(visitor, client, lying):
    visitor.start()
    lying.claims = {"nonce": visitor.asked["nonce"], "given_name": None, "family_name": None}
    user = json.dumps({"name": {"firstName": "Ann", "lastName": "Lee"}, "email": "somebody.else@example.com"})
    form = {"code": "the-code", "state": visitor.asked["state"], "iss": lying.url, "user": user}
    headers = {"Origin": "https://appleid.apple.com", "Sec-Fetch-Site": "cross-site"}
    without_cookies = client.application.test_client()
    answer = without_cookies.post(f"{AUTH}/providers/work/callback", data=form, headers=headers)
    assert answer.status_code == 303
    path, _, query = answer.headers["Location"].partition("?")
    assert (path, query_of("?" + query)) == (f"{AUTH}/providers/work/callback", form)
    back = client.get(answer.headers["Location"])
    assert back.headers["Location"].startswith(f"{APP}?code=")


@pytest.mark.parametrize("user", ["", "{", "[]", "1", '{"name": 1}', '{"name": {"firstName": 1}}', "[" * 4_000])
def test_strange_user_of_apple_is_ignored(visitor, lying, user):
    visitor.start()
    lying.claims = {"nonce": visitor.asked["nonce"]}
    assert query_of(visitor.come_back(user=user).headers["Location"]).keys() == {"code", "state"}


@pytest.mark.settings(public_url="https://id.example.com/auth")
def test_form_of_apple_stays_under_the_path_of_the_service(visitor, client):
    answer = client.post(f"/auth{AUTH}/providers/work/callback", data={"code": "x", "state": "y"})
    assert answer.headers["Location"] == f"/auth{AUTH}/providers/work/callback?code=x&state=y"


def test_own_members_of_providers_are_ignored(visitor, lying):
    visitor.start()
    lying.claims = {"nonce": visitor.asked["nonce"]}
    answer = visitor.come_back(scope="openid", authuser="0", prompt="none", session_state="x")
    assert answer.headers["Location"].startswith(f"{APP}?code=")


def test_github_leads_back_with_a_code(visitor, lying):
    visitor.id = "github"
    visitor.start(redirect_to=MOBILE)
    answer = visitor.come_back(iss=f"{lying.url}/login/oauth")
    assert answer.headers["Location"].startswith(f"{MOBILE}?code=")
