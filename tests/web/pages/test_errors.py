"""Errors outside of any page: a page for a browser, a problem document for everybody else."""

import pytest

from tests.support.api import is_problem

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
PROGRAMS = (
    "",
    "*/*",
    "application/json",
    "application/problem+json",
    "application/json, text/html;q=0.9",
    "text/plain",
)
MISSED = [("GET", "/nowhere", 404, "not_found"), ("PUT", "/reset-password", 405, "method_not_allowed")]


@pytest.fixture
def broken(app):
    """A route that fails by a mistake of ours."""

    def fail():
        raise RuntimeError("the secret of the service")

    app.add_url_rule("/broken", view_func=fail)
    return "/broken"


def shows(answer, status, code):
    """Whether the answer is a page with these facts."""
    facts = f"Status {status}, <code>{code}</code>"
    return (answer.status_code, answer.mimetype) == (status, "text/html") and facts in answer.text


@pytest.mark.parametrize(("method", "path", "status", "code"), MISSED)
def test_a_browser_gets_a_page(client, method, path, status, code):
    answer = client.open(path, method=method, headers=BROWSER)
    problem = client.open(path, method=method).json
    assert shows(answer, status, code)
    assert f"</span>{problem['title']}</h1>" in answer.text
    assert problem["detail"] in answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "Accept" in answer.vary


def test_a_page_keeps_the_headers_and_tells_them(client):
    answer = client.put("/reset-password", headers=BROWSER)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert f"Allowed methods: {answer.headers['Allow']}." in answer.text


@pytest.mark.own_app
def test_a_mistake_is_a_page_without_its_words(client, broken, caplog):
    answer = client.get(broken, headers=BROWSER)
    assert shows(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert "the secret of the service" in caplog.text
    assert is_problem(client.get(broken), 500, "internal_error")


def test_an_unknown_host_is_a_page(client):
    answer = client.get("/nowhere", headers=BROWSER | {"Host": "evil.example"})
    assert shows(answer, 400, "unknown_host")
    assert "evil.example" not in answer.text


@pytest.mark.parametrize("accept", PROGRAMS)
@pytest.mark.parametrize(("method", "path", "status", "code"), MISSED)
def test_a_program_gets_a_problem_document(client, accept, method, path, status, code):
    answer = client.open(path, method=method, headers={"Accept": accept})
    assert is_problem(answer, status, code)
    assert "Accept" in answer.vary


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api", 404, "not_found"), ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("GET", "/api/v1/auth/login", 405, "method_not_allowed"), ("GET", "/api/v1/account", 401, "unauthenticated"),
    ],
)  # fmt: skip
def test_the_api_answers_browsers_with_problem_documents(client, method, path, status, code):
    assert is_problem(client.open(path, method=method, headers=BROWSER), status, code)


@pytest.mark.parametrize("path", ["/<script>alert(1)</script>", "/%22onload=%22x", "/{{ 7 * 7 }}"])
def test_a_page_repeats_nothing_of_the_request(client, path):
    answer = client.get(path, headers=BROWSER)
    assert shows(answer, 404, "not_found")
    assert path.strip("/") not in answer.text
    assert "49" not in answer.text.partition("<main")[2]


@pytest.mark.settings(public_url="http://localhost/auth")
def test_an_error_page_links_the_front_page(client):
    assert '<a href="/auth/">To the home page</a>' in client.get("/auth/nowhere", headers=BROWSER).text
