"""The user authentication service: its end-to-end script as it was published, and each stated answer."""

import pytest

from app.domain.accounts.model import Account
from tests.conftest import package
from tests.support.api import ANN, bearer, log_in, me, sign_up, update_rows
from tests.web.compat.conftest import BOB, said, same

EMAIL = "guillaume@holberton.io"
PASSWD = "b4l0u"
NEW_PASSWD = "t4rt1fl3tt3"

pytestmark = pytest.mark.settings(compat_api=True)


class Script:
    """The functions of the published end-to-end script."""

    def __init__(self, url):
        self.url, self.requests = url, package("requests")

    def register_user(self, email, password):
        res = self.requests.post(f"{self.url}/users", data={"email": email, "password": password}, timeout=20)
        assert res.status_code == 200
        assert res.json() == {"email": email, "message": "user created"}

    def log_in_wrong_password(self, email, password):
        res = self.requests.post(f"{self.url}/sessions", data={"email": email, "password": password}, timeout=20)
        assert res.status_code == 401

    def log_in(self, email, password):
        res = self.requests.post(f"{self.url}/sessions", data={"email": email, "password": password}, timeout=20)
        assert res.status_code == 200
        assert res.json() == {"email": email, "message": "logged in"}
        return res.cookies.get("session_id")

    def profile_unlogged(self):
        res = self.requests.get(f"{self.url}/profile", timeout=20)
        assert res.status_code == 403

    def profile_logged(self, session_id):
        res = self.requests.get(f"{self.url}/profile", cookies={"session_id": session_id}, timeout=20)
        assert res.status_code == 200
        assert res.json() == {"email": EMAIL}

    def log_out(self, session_id):
        res = self.requests.delete(f"{self.url}/sessions", cookies={"session_id": session_id}, timeout=20)
        assert res.status_code == 200
        assert res.json() == {"message": "Bienvenue"}
        assert res.history[0].status_code == 302

    def reset_password_token(self, email):
        res = self.requests.post(f"{self.url}/reset_password", data={"email": email}, timeout=20)
        assert res.status_code == 200
        assert res.json()["email"] == email
        return res.json()["reset_token"]

    def update_password(self, email, reset_token, new_password):
        body = {"email": email, "reset_token": reset_token, "new_password": new_password}
        res = self.requests.put(f"{self.url}/reset_password", data=body, timeout=20)
        assert res.status_code == 200
        assert res.json() == {"email": email, "message": "Password updated"}


def test_the_published_end_to_end_script_passes(live_server):
    script = Script(live_server)
    script.register_user(EMAIL, PASSWD)
    script.log_in_wrong_password(EMAIL, NEW_PASSWD)
    script.profile_unlogged()
    session_id = script.log_in(EMAIL, PASSWD)
    script.profile_logged(session_id)
    script.log_out(session_id)
    reset_token = script.reset_password_token(EMAIL)
    script.update_password(EMAIL, reset_token, NEW_PASSWD)
    assert script.log_in(EMAIL, NEW_PASSWD)


def test_the_front_page_says_welcome(client):
    assert same(client.get("/")) == (200, {"message": "Bienvenue"})


def test_an_address_registers_once(client, bob):
    assert same(client.post("/users", data=bob)) == (400, {"message": "email already registered"})


@pytest.mark.parametrize(
    ("form", "error"),
    [({"password": "b4l0u"}, "email missing"), ({"email": "bob@hbtn.io", "password": ""}, "password missing")],
)
@pytest.mark.parametrize("path", ["/users", "/sessions"])
def test_what_is_missing_is_named(client, path, form, error):
    assert same(client.post(path, data=form)) == (400, {"error": error})


def test_an_account_needs_a_real_address(client):
    answer = client.post("/users", data=BOB | {"email": "bob"})
    assert (answer.status_code, answer.json["error"].partition(":")[0]) == (400, "email")


@pytest.mark.parametrize("form", [{"password": "wrong"}, {"email": "nobody@hbtn.io"}, {"email": "no address"}])
def test_a_wrong_login_is_401(client, bob, form):
    assert same(client.post("/sessions", data=bob | form)) == (401, {"error": "Unauthorized"})


def test_session_cookie_is_httponly_and_samesite(client, bob):
    cookie = client.post("/sessions", data=bob).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/sessions"), ("GET", "/profile")])
@pytest.mark.parametrize("cookie", [None, "x", "a\0b", "6f1c0a52-3c1e-4b7e-9d6a-0c2f6f0e7b11"])
@pytest.mark.usefixtures("each_database")
def test_without_a_live_session_it_is_403(client, method, path, cookie):
    if cookie:
        client.set_cookie("session_id", cookie)
    assert same(client.open(path, method=method)) == (403, {"error": "Forbidden"})


def test_logging_out_ends_this_session_alone(app, bob):
    here, there = app.test_client(), app.test_client()
    for browser in (here, there):
        browser.post("/sessions", data=bob)
    assert here.delete("/sessions").headers["Location"] == "/"
    assert [browser.get("/profile").status_code for browser in (here, there)] == [403, 200]


@pytest.mark.usefixtures("bob", "each_database")
def test_a_reset_token_works_once(client):
    token = client.post("/reset_password", data={"email": BOB["email"]}).json["reset_token"]
    body = {"email": BOB["email"], "reset_token": token, "new_password": "b4l0u"}
    assert [client.put("/reset_password", data=body).status_code for _ in range(2)] == [200, 403]
    client.post("/reset_password", data={"email": BOB["email"]})
    assert same(client.put("/reset_password", data=body)) == (403, {"error": "Forbidden"})


@pytest.mark.parametrize("email", ["nobody@hbtn.io", "no address"])
def test_an_unknown_address_gets_no_reset_token(client, email):
    assert same(client.post("/reset_password", data={"email": email})) == (403, {"error": "Forbidden"})


def test_a_password_update_ends_every_session(client, bob):
    client.post("/sessions", data=bob)
    token = client.post("/reset_password", data=bob).json["reset_token"]
    client.put("/reset_password", data={"email": bob["email"], "reset_token": token, "new_password": "t4"})
    assert client.get("/profile").status_code == 403


def test_both_apis_share_accounts(client, bob):
    sign_up(client)
    assert client.post("/sessions", data=ANN).status_code == 200
    assert log_in(client, **bob).status_code == 200


def test_compat_logout_ends_the_session_everywhere(client):
    tokens = sign_up(client)
    client.set_cookie(
        "session_id",
        client.get("/api/v1/account/sessions", headers=bearer(tokens["access_token"])).json["sessions"][0]["id"],
    )
    assert client.get("/profile").json == {"email": ANN["email"]}
    client.delete("/sessions")
    assert me(client, tokens).status_code == 401


@pytest.mark.settings(require_verified_email=True)
def test_unverified_user_cannot_log_in_where_required(client, bob):
    assert client.post("/sessions", data=bob).status_code == 401


@pytest.mark.parametrize(("method", "path"), [("PUT", "/users"), ("POST", "/profile"), ("PATCH", "/reset_password")])
def test_a_method_that_is_not_there_is_405(client, method, path):
    assert same(client.open(path, method=method)) == (405, {"error": "Method not allowed"})


def test_it_works_over_real_http_with_a_slash_too_many(web):
    assert said(web("POST", "/users/", data=BOB)) == (200, {"email": BOB["email"], "message": "user created"})
    assert said(web("GET", "/profile/")) == (403, {"error": "Forbidden"})


def test_account_with_a_second_factor_is_not_logged_in(app, client, bob, clock):
    update_rows(app, Account, second_factor_at=clock.now())
    answer = client.post("/sessions", data=bob)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (401, False)
