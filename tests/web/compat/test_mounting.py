"""The wing is there when asked for, and leaves no trace when not."""

import re

import pytest

from app import create_app
from config import load
from tests.test_docs import ROOT, table

HOME = ("GET", "/")  # the house has it too


def made(folder, **settings):
    return create_app(load({}, app_env="testing", instance_path=folder, bcrypt_rounds=4, **settings))


def routes(app):
    """Every method and path that leads somewhere."""
    return {
        (method, re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """The house alone."""
    return made(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="module")
def wing(tmp_path_factory, house):
    """The routes that the wing adds."""
    return routes(made(tmp_path_factory.mktemp("wing"), compat_api=True)) - routes(house) | {HOME}


def test_compat_api_adds_the_documented_routes(wing):
    page = ROOT / "docs/compatibility.md"
    headings = ("### The user authentication service", "### Session authentication")
    said = {tuple(route.strip("`").split()) for heading in headings for route, *_ in table(page, heading)}
    assert said == wing


def test_off_none_of_its_routes_exists(house, wing):
    visitor = house.test_client()
    for method, path in wing - {HOME}:
        answer = visitor.open(path.replace("{user_id}", "6f1c0a52-3c1e-4b7e-9d6a-0c2f6f0e7b11"), method=method)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert visitor.get("/").mimetype == "text/html"


def test_off_the_document_says_nothing_of_it(house, wing):
    document = house.test_client().get("/openapi.json").json
    assert {path for _, path in wing} & document["paths"].keys() == set()
    assert [name for name in document["components"]["securitySchemes"] if "classic" in name] == []


def test_basic_auth_has_no_session_routes(tmp_path, wing):
    assert {path for _, path in wing - routes(made(tmp_path, compat_api=True, auth_type="basic_auth"))} == {
        "/api/v1/auth_session/login",
        "/api/v1/auth_session/logout",
    }


@pytest.mark.own_app
@pytest.mark.settings(compat_api=True)
def test_a_mistake_of_ours_has_a_classic_body_too(app, client):
    app.extensions["compat"] = None
    answer = client.get("/api/v1/users/me")
    assert (answer.status_code, answer.json) == (500, {"error": "Internal server error"})


@pytest.mark.settings(compat_api=True, database_url="postgresql://nobody@127.0.0.1:1/none")
def test_unreachable_database_is_503_with_a_compat_body(client):
    answer = client.post("/reset_password", data={"email": "bob@hbtn.io"})
    assert (answer.status_code, answer.json) == (503, {"error": "Service unavailable"})
    assert answer.headers["Retry-After"]


@pytest.mark.settings(compat_api=True)
def test_too_large_body_is_413_with_a_compat_body(client):
    answer = client.post("/users", data={"email": "x" * 70_000})
    assert (answer.status_code, answer.json) == (413, {"error": "Content too large"})
