"""A service whose PUBLIC_URL has a path: everything that it says of itself begins with that path."""

import re
from html import unescape
from http.cookies import SimpleCookie

import pytest

from app.web.public_url import origin_of
from config import ROOT
from tests.support.api import ANN, bearer, sign_up

WEB = ROOT / "app" / "web"
AUTH = "https://example.com/auth"
under_auth = pytest.mark.settings(public_url=AUTH)
ABSOLUTE_PATH = re.compile(r"""\s(?:href|src|action|content|data-[\w-]+)="(/[^"]*)""")
COOKIES = ["access", "csrf", "device", "refresh"]


def paths_in(page):
    """Every absolute path that an attribute of the page holds."""
    return {unescape(path) for path in ABSOLUTE_PATH.findall(page)}


STATUSES = {
    "/auth/dev/mailbox/none": 404,
    "/auth/api/v1/account": 401,
    "/auth/api/v1/auth/": 404,  # where scripts find the API
    "/auth/sign-in/done": 303,
    "/auth/account": 303,
    "/auth/account/password": 303,  # for a stranger
}


def paths_of_cookies(answer):
    """The Path of each cookie that the answer sets, by its name."""
    return {
        name: morsel["path"]
        for line in answer.headers.getlist("Set-Cookie")
        for name, morsel in SimpleCookie(line).items()
    }


@pytest.mark.settings(app_env="development", public_url="http://localhost/auth")
def test_every_page_links_below_the_path(client):
    seen, ahead = set(), {"/auth/", "/auth/verify-email", "/auth/dev/mailbox/none"}
    while ahead:
        path = ahead.pop()
        seen.add(path)
        with client.get(path, headers={"Accept": "text/html"}) as answer:
            assert answer.status_code == STATUSES.get(path, 200), path
            found = paths_in(answer.text) if answer.mimetype == "text/html" else set()
        assert [link for link in found if not link.startswith("/auth/")] == [], path
        ahead |= found - seen
    assert {"/auth/docs", "/auth/openapi.json", "/auth/static/latchkey.css", "/auth/reset-password/code"} <= seen
    assert len(seen) > 60  # the previews of emails among them


@under_auth
@pytest.mark.parametrize("path", ["/verify-email", "/not-me", "/reset-password", "/reset-password/request"])
def test_every_form_posts_below_the_path(client, path):
    for form in ({"token": "dead"}, {"token": ""}, {"email": "nobody"}):
        page = client.post(path, data=form).text
        assert re.search(r'(?:action|href)="/auth/', page)
        assert all(found.startswith("/auth/") for found in paths_in(page))


def test_templates_and_scripts_use_relative_paths():
    templates = "".join(file.read_text() for file in WEB.glob("templates/**/*.html"))
    assert paths_in(templates) == set()
    scripts = "".join(file.read_text() for file in WEB.glob("static/*.[jc]s*"))
    assert re.findall(r"""["'`(]/\w.*""", scripts.replace("(/latchkey_csrf=", "")) == []


@under_auth
@pytest.mark.parametrize("path", ["", "/auth"])
def test_a_proxy_may_take_the_path_off_or_leave_it(client, path):
    assert client.get(f"{path}/healthz").status_code == 200
    assert client.get(f"{path}/openapi.json").json["servers"] == [{"url": "/auth"}]
    assert client.get(path or "/").status_code == 200
    assert client.get(f"{path}/auth/healthz").status_code == (404 if path else 200)
    assert client.get("/authentic/healthz").status_code == 404


@pytest.mark.settings(public_url="https://example.com/api")
def test_a_path_like_a_route_stays_on(client):
    assert client.post("/api/v1/auth/signup", json=ANN).status_code == 201
    assert client.get("/api/healthz").status_code == 404
    assert 'href="/api/docs"' in client.get("/").text


@pytest.mark.settings(public_url="https://example.com/verify-email")
def test_a_path_like_a_page_stays_on(client):
    assert "Confirm your email address" in client.get("/verify-email").text


@pytest.mark.parametrize("name", ["X-Forwarded-Prefix", "X-Script-Name", "Script-Name"])
def test_no_header_names_the_path(client, name):
    assert 'href="/docs"' in client.get("/", headers={name: "/evil"}).text


@under_auth
def test_cookies_are_for_the_path_alone(client):
    answer = client.post("/auth/api/v1/auth/signup?transport=cookie", json=ANN)
    assert paths_of_cookies(answer) == {f"__Secure-latchkey_{word}": "/auth" for word in COOKIES}
    assert all("; Secure;" in line for line in answer.headers.getlist("Set-Cookie"))


@pytest.mark.settings(public_url="http://localhost/auth")
def test_cookies_under_a_path_are_read_and_taken_back(client):
    signed_up = client.post("/auth/api/v1/auth/signup?transport=cookie", json=ANN)
    assert paths_of_cookies(signed_up) == {f"latchkey_{word}": "/auth" for word in COOKIES}
    csrf = {"X-CSRF-Token": signed_up.json["csrf_token"]}
    assert client.get("/auth/api/v1/account").json["email"] == ANN["email"]
    assert client.post("/auth/api/v1/auth/refresh", headers=csrf).status_code == 200
    signed_out = client.post("/auth/api/v1/auth/logout", headers=csrf)
    assert paths_of_cookies(signed_out) == {f"latchkey_{word}": "/auth" for word in COOKIES if word != "device"}
    assert client.get_cookie("latchkey_access", path="/auth") is None


@under_auth
@pytest.mark.parametrize(
    ("origin", "status"), [("https://example.com", 200), (AUTH, 403), ("https://example.com.evil.example", 403)]
)
def test_cookie_writes_may_come_from_our_own_origin(client, origin, status):
    client.post("/api/v1/auth/signup", json=ANN)
    answer = client.post("/api/v1/auth/login?transport=cookie", json=ANN, headers={"Origin": origin})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        (AUTH, "https://example.com"), ("https://Example.COM:443", "https://example.com"),
        ("http://localhost:80/x", "http://localhost"), ("http://localhost:443", "http://localhost:443"),
        ("http://[::1]:8000/a/b", "http://[::1]:8000"),
    ],
)  # fmt: skip
def test_an_origin_is_written_as_a_browser_writes_it(url, origin):
    assert origin_of(url) == origin


@under_auth
def test_the_issuer_has_the_path(client):
    metadata = client.get("/.well-known/openid-configuration").json
    assert (metadata["issuer"], metadata["jwks_uri"]) == (AUTH, f"{AUTH}/.well-known/jwks.json")
    refreshed = client.post("/api/v1/auth/refresh", headers=bearer(sign_up(client)["refresh_token"]))
    assert refreshed.status_code == 200


@under_auth
def test_links_in_emails_have_the_path(client, auth, mailbox):
    sign_up(client)
    auth.mail_delivery.deliver_due()
    (email,) = mailbox.messages
    assert email.link.startswith(f"{AUTH}/verify-email#token=")
    assert f'href="{AUTH}"' in email.html
    assert email.message["Message-ID"].endswith("@example.com>")


@pytest.mark.settings(public_url="http://localhost/auth", metrics="on")
def test_metrics_name_the_route_without_the_path(client):
    client.get("/auth/healthz")
    assert 'route="/healthz"' in client.get("/metrics").text


@pytest.mark.settings(public_url="http://localhost/auth", compat_api=True)
def test_the_compatibility_api_answers_under_the_path(client):
    person = {"email": ANN["email"], "password": ANN["password"]}
    client.post("/auth/users", data=person)
    assert paths_of_cookies(client.post("/auth/sessions", data=person)) == {"session_id": "/auth"}
    signed_out = client.delete("/auth/sessions")
    assert (signed_out.headers["Location"], paths_of_cookies(signed_out)) == ("/auth/", {"session_id": "/auth"})
