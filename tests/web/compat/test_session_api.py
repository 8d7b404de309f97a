"""The session authentication API: its transcripts over real HTTP, for each AUTH_TYPE."""

import re
from base64 import b64encode

import pytest

from app import create_app
from app.domain.accounts.model import Account
from tests.support.api import bearer, make_admin, sign_up, update_rows
from tests.support.apps import close
from tests.web.compat.conftest import BOB, said, same

ME, LOGIN, LOGOUT = "/api/v1/users/me", "/api/v1/auth_session/login", "/api/v1/auth_session/logout"
NOBODY = "/api/v1/users/6f1c0a52-3c1e-4b7e-9d6a-0c2f6f0e7b11"
NAME = "_my_session_id"
FORBIDDEN, UNAUTHORIZED, NOT_FOUND = ({"error": word} for word in ("Forbidden", "Unauthorized", "Not found"))
WITH_SESSIONS = ("session_auth", "session_exp_auth", "session_db_auth")


def each(*types):
    """Run with each of these AUTH_TYPEs."""
    marked = [pytest.param(name, marks=pytest.mark.settings(compat_api=True, auth_type=name)) for name in types]
    return pytest.mark.parametrize("auth_type", marked)


everywhere, with_sessions = each("basic_auth", *WITH_SESSIONS), each(*WITH_SESSIONS)
in_memory, in_database, by_basic = each("session_auth"), each("session_db_auth"), each("basic_auth")


@pytest.fixture
def client(app):
    """A client without a jar: each request says which cookie it carries."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def credential(client, bob, auth_type):
    """What a request of Bob's carries."""
    return basic(**bob) if auth_type == "basic_auth" else cookie(log_in(client))


def basic(email, password):
    return {"Authorization": "Basic " + b64encode(f"{email}:{password}".encode()).decode()}


def cookie(session_id, name=NAME):
    return {"Cookie": f"{name}={session_id}"}


def log_in(client, **changes):
    """The id of a new session."""
    answer = client.post(LOGIN, data=BOB | changes)
    assert answer.status_code == 200, answer.text
    return answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2]


@everywhere
def test_the_open_paths_need_no_credential(web, auth_type):
    for slash in ("", "/"):
        assert said(web("GET", "/api/v1/status" + slash)) == (200, {"status": "OK"})
        assert said(web("GET", "/api/v1/unauthorized" + slash)) == (401, UNAUTHORIZED)
        assert said(web("GET", "/api/v1/forbidden" + slash)) == (403, FORBIDDEN)


@each("auth")
def test_template_auth_rejects_every_request(web, auth_type):
    assert said(web("GET", "/api/v1/status")) == (200, {"status": "OK"})
    assert said(web("GET", "/api/v1/users")) == (401, UNAUTHORIZED)
    assert said(web("GET", "/api/v1/users", headers=basic(**BOB))) == (403, FORBIDDEN)


@everywhere
def test_missing_and_unknown_credentials_have_different_statuses(web, auth_type):
    for path in ("/api/v1/users", "/api/v1/users/", ME, NOBODY):
        assert said(web("GET", path)) == (401, UNAUTHORIZED)
        assert said(web("GET", path, headers={"Authorization": "Test"})) == (403, FORBIDDEN)
        assert said(web("GET", path, cookies={NAME: "nonsense"})) == (403, FORBIDDEN)
        assert said(web("GET", path, headers=basic(BOB["email"], "x"))) == (403, FORBIDDEN)


@everywhere
def test_an_unknown_path_is_not_found(web, credential):
    for path in ("/api/v1/nop", "/api/v1/", "/api/v1/users/me/more", "/api/v1/users/12"):
        assert said(web("GET", path)) == (404, NOT_FOUND)
        assert said(web("GET", path, headers=credential)) == (404, NOT_FOUND)


@everywhere
def test_me_is_the_authenticated_user(web, credential):
    status, user = said(web("GET", ME, headers=credential))
    assert (status, list(user)) == (200, ["created_at", "email", "first_name", "id", "last_name", "updated_at"])
    assert (user["email"], user["first_name"], user["last_name"]) == (BOB["email"], None, None)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", user[name]) for name in ("created_at", "updated_at"))


@everywhere
def test_users_are_listed_created_shown_changed_and_deleted(web, credential):
    new = {"email": "u1@hbtn.io", "password": "H0lbertonSchool98!", "first_name": "U", "unknown": 1}
    status, user = said(web("POST", "/api/v1/users", json=new, headers=credential))
    assert (status, user["email"], user["first_name"], user["last_name"]) == (201, "u1@hbtn.io", "U", None)
    listed = web("GET", "/api/v1/users", headers=credential).json()
    assert ([one["email"] for one in listed], listed[1]) == ([BOB["email"], "u1@hbtn.io"], user)
    place = f"/api/v1/users/{user['id']}"
    assert said(web("GET", place, headers=credential)) == (200, user)
    status, changed = said(web("PUT", place, json={"last_name": "One"}, headers=credential))
    assert (status, changed["first_name"], changed["last_name"]) == (200, "U", "One")
    assert said(web("DELETE", place, headers=credential)) == (200, {})
    for method, sent in (("GET", {}), ("PUT", {"json": {}}), ("DELETE", {})):
        assert said(web(method, place, headers=credential, **sent)) == (404, NOT_FOUND)


@by_basic
@pytest.mark.parametrize(
    ("body", "error"),
    [({"password": "x"}, "email missing"), ({"email": "a@hbtn.io"}, "password missing"),
     (BOB, "Can't create User: An account with this email address already exists. Sign in, or reset the password.")],
)  # fmt: skip
def test_a_user_that_cannot_be_created_is_400(client, credential, body, error):
    assert same(client.post("/api/v1/users", json=body, headers=credential)) == (400, {"error": error})


@by_basic
def test_body_that_is_not_json_is_a_wrong_format(client, credential):
    answer = client.post("/api/v1/users", data="{", content_type="application/json", headers=credential)
    assert same(answer) == (400, {"error": "Wrong format"})


@with_sessions
def test_logging_in_says_what_is_wrong(web, auth_type, bob):
    for slash in ("", "/"):
        assert said(web("POST", LOGIN + slash)) == (400, {"error": "email missing"})
        assert said(web("POST", LOGIN + slash, data={"email": ""})) == (400, {"error": "email missing"})
        assert said(web("POST", LOGIN + slash, data={"email": "x@hbtn.io"})) == (400, {"error": "password missing"})
        for nobody in ("x@hbtn.io", "x"):
            answer = web("POST", LOGIN + slash, data={"email": nobody, "password": "test"})
            assert said(answer) == (404, {"error": "no user found for this email"})
        assert said(web("POST", LOGIN + slash, data=bob | {"password": "x"})) == (401, {"error": "wrong password"})
        assert web("GET", LOGIN + slash).status_code == 405


@with_sessions
def test_logging_in_gives_the_user_and_a_cookie(web, auth_type, bob):
    answer = web("POST", LOGIN, data=bob)
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(answer.headers["Set-Cookie"].split("; "))
    assert said(web("GET", ME, cookies={NAME: answer.cookies[NAME]})) == (200, answer.json())


@pytest.mark.settings(compat_api=True, session_name="bobs_cookie")
def test_the_cookie_has_the_name_of_the_setting(web, bob):
    session_id = web("POST", LOGIN, data=bob).cookies["bobs_cookie"]
    statuses = [web("GET", ME, cookies={name: session_id}).status_code for name in ("bobs_cookie", NAME)]
    assert statuses == [200, 401]


@with_sessions
def test_logging_out_ends_this_session_of_several(web, client, auth_type, bob):
    first, second = ({NAME: log_in(client)} for _ in range(2))
    assert web("GET", LOGOUT, cookies=first).status_code == 405
    assert said(web("DELETE", LOGOUT, cookies=first)) == (200, {})
    assert said(web("DELETE", LOGOUT, cookies=first)) == (403, FORBIDDEN)
    assert said(web("DELETE", LOGOUT)) == (401, UNAUTHORIZED)
    assert [web("GET", ME, cookies=session).status_code for session in (first, second)] == [403, 200]


@with_sessions
def test_password_is_rejected_as_a_session(client, bob, auth_type):
    assert client.get(ME, headers=basic(**bob)).status_code == 403


@by_basic
def test_login_needs_a_session_auth_type(client, bob, auth_type):
    assert same(client.post(LOGIN, data=bob)) == (404, NOT_FOUND)
    assert same(client.delete(LOGOUT, headers=basic(**bob))) == (404, NOT_FOUND)


@with_sessions
def test_another_password_ends_the_sessions(client, bob, auth_type):
    session = cookie(log_in(client))
    token = client.post("/reset_password", data=bob).json["reset_token"]
    client.put("/reset_password", data={"email": bob["email"], "reset_token": token, "new_password": "t4"})
    assert client.get(ME, headers=session).status_code == 403


@everywhere
def test_disabled_account_is_not_authenticated(app, client, credential, clock):
    update_rows(app, Account, disabled_at=clock.now())
    assert same(client.get(ME, headers=credential)) == (403, FORBIDDEN)


@everywhere
def test_account_with_a_second_factor_gets_no_session(app, client, bob, auth_type, clock):
    update_rows(app, Account, second_factor_at=clock.now())
    answer = client.get(ME, headers=basic(**bob)) if auth_type == "basic_auth" else client.post(LOGIN, data=bob)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403 if auth_type == "basic_auth" else 401, False)


@everywhere
def test_the_last_administrator_is_not_deleted_by_anybody(app, client, credential, bob):
    make_admin(app, bob["email"])
    [bobs] = client.get("/api/v1/users", headers=credential).json
    assert same(client.delete(f"/api/v1/users/{bobs['id']}", headers=credential)) == (403, FORBIDDEN)
    assert client.get(ME, headers=credential).status_code == 200


@everywhere
def test_deleted_account_is_not_authenticated(client, credential, bob):
    tokens = client.post("/api/v1/auth/login", json=bob).json
    client.delete("/api/v1/account", json={"password": bob["password"]}, headers=bearer(tokens["access_token"]))
    assert same(client.get(ME, headers=credential)) == (403, FORBIDDEN)


@pytest.mark.settings(session_duration=60)
@with_sessions
def test_a_session_lasts_as_long_as_the_setting_says(client, bob, auth_type, clock):
    session = cookie(log_in(client))
    clock.advance(59)
    assert client.get(ME, headers=session).status_code == 200
    clock.advance(2)
    assert client.get(ME, headers=session).status_code == (200 if auth_type == "session_auth" else 403)
    assert client.delete(LOGOUT, headers=session).status_code == (200 if auth_type == "session_auth" else 403)


@with_sessions
def test_without_a_duration_it_lasts_for_years(client, bob, auth_type, clock):
    session = cookie(log_in(client))
    clock.advance(days=1_000)
    assert client.get(ME, headers=session).status_code == 200


@with_sessions
def test_a_restart_keeps_the_sessions_in_the_database_alone(client, bob, auth_type, settings):
    session = cookie(log_in(client))
    restarted = create_app(settings)
    status = restarted.test_client(use_cookies=False).get(ME, headers=session).status_code
    close(restarted)
    assert status == (200 if auth_type == "session_db_auth" else 403)


@in_database
def test_compat_session_can_be_revoked_by_the_service(client, bob, auth_type):
    session_id = log_in(client)
    token = bearer(client.post("/api/v1/auth/login", json=bob).json["access_token"])
    client.delete(f"/api/v1/account/sessions/{session_id}", headers=token)
    assert client.get(ME, headers=cookie(session_id)).status_code == 403


@everywhere
def test_main_api_keeps_its_errors(client, auth_type):
    tokens = sign_up(client)
    answer = client.get("/api/v1/account")
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert client.get("/api/v1/auth/login").mimetype == "application/problem+json"
    assert client.get("/api/v1/account", headers=bearer(tokens["access_token"])).status_code == 200
