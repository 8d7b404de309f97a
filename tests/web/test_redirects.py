"""No answer leads to another scheme or host, however a path is spelled and whatever a proxy says."""

import re
from urllib.parse import urlsplit

import pytest

from app import create_app
from config import load
from tests.support.apps import close
from tests.web.api.routes import SOMEBODY, SOMETHING

HOST = "accounts.example.com"
CLAIMS = [
    {},
    {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "8080"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": HOST, "X-Forwarded-Prefix": "//evil.example"},
    {"Forwarded": "proto=http;host=evil.example", "X-Forwarded-Scheme": "http", "X-Original-URL": "//evil.example/"},
    {"X-Forwarded-Prefix": "/auth", "X-Script-Name": "/auth", "Accept": "text/html"},
]
HOSTS = [HOST, HOST + ":443", HOST.upper(), "localhost", "127.0.0.1:8000"]


@pytest.fixture(scope="module")
def app(databases, tmp_path_factory):
    """An app with every route that there is, behind TLS of a proxy."""
    folder = tmp_path_factory.mktemp("redirects")
    app = create_app(load(
        {}, app_env="development", instance_path=folder, database_url=databases.copy(folder), bcrypt_rounds=4,
        ratelimit_enabled=False, hash_slots=64, public_url=f"https://{HOST}", trusted_proxies=["127.0.0.1"],
        compat_api=True, auth_type="session_db_auth",
    ))  # fmt: skip
    yield app
    close(app)


def paths(app):
    """A path of each route."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<any\('([^']+)'[^>]*>", r"\1", rule.rule)
        path = re.sub(r"<int[^>]+>", SOMETHING, path).replace("<path:filename>", "latchkey.css")
        yield re.sub(r"<[^>]+>", SOMEBODY, path)


def spellings(path):
    """The path with slashes doubled here and there, and with one too many or too few at its end."""
    parts = path.split("/")
    doubled = ["/".join(parts[:place]) + "//" + "/".join(parts[place:]) for place in range(1, len(parts))]
    more = ["/" + path, "//evil.example" + path, "/\\evil.example" + path, path + "//", path + "/.", path + "/.."]
    return {
        path,
        path + "/",
        path.rstrip("/") or "/",
        path.replace("/", "//"),
        path + "//evil.example",
        *doubled,
        *more,
    }


def leads_elsewhere(answer):
    """Whether the answer has a Location that a browser would follow to another scheme or host."""
    place = answer.headers.get("Location")
    if place is None:
        return False
    return bool(urlsplit(place).scheme or urlsplit(place).netloc) or place[:2] in ("//", "/\\")


def ask(client, method, path, **headers):
    """Ask for exactly this path; werkzeug's client would take some for hosts."""
    return client.open("/", method=method, headers=headers, environ_overrides={"PATH_INFO": path, "REQUEST_URI": path})


def test_no_spelling_of_a_path_leads_to_another_place(app):
    client, found = app.test_client(), []
    for number, path in enumerate(sorted(set(paths(app)))):
        for spelling in spellings(path):
            for method in ("GET", "POST"):
                said = CLAIMS[number % len(CLAIMS)] | {"Host": HOSTS[number % len(HOSTS)]}
                with ask(client, method, spelling, **said) as answer:
                    if answer.status_code in (301, 307, 308) or leads_elsewhere(answer):
                        found.append((method, spelling, answer.status_code, answer.headers.get("Location")))
    assert found == []


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("host", HOSTS)
def test_extra_slash_is_not_found_behind_any_proxy(app, host, claim):
    client = app.test_client()
    for path in ("/api/v1//auth/login", "/api//v1/account", "/docs//", "/reset-password//", "//evil.example/docs"):
        answer = ask(client, "GET", path, **claim | {"Host": host})
        assert (answer.status_code, answer.headers.get("Location")) == (404, None)


def test_one_slash_at_the_end_is_still_the_route(app):
    client = app.test_client()
    for path in ("/docs/", "/healthz/", "/openapi.json/", "/reset-password/", "/.well-known/jwks.json/"):
        assert ask(client, "GET", path, Host=HOST).status_code == 200


@pytest.mark.parametrize("claim", CLAIMS)
def test_logging_out_by_the_compatibility_api_leads_to_this_host(app, claim):
    form = {"email": f"ann{CLAIMS.index(claim)}@example.com", "password": "correct horse battery"}
    client = app.test_client(use_cookies=False)
    client.post("/users", data=form)
    cookie = client.post("/sessions", data=form).headers["Set-Cookie"].partition(";")[0]
    answer = ask(client, "DELETE", "/sessions", **claim | {"Host": HOST, "Cookie": cookie})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
