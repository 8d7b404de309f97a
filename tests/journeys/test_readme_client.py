"""The browser client of the README, exactly as it stands there, on a page of another origin."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.conftest import in_one_process
from tests.test_docs import BASE, README, fenced, section

EMAIL, PASSWORD = "ann@example.com", "correct horse battery"
CREDENTIALS = f'const email = "{EMAIL}", password = "{PASSWORD}";'
EXPOSED = "Object.assign(window, { latchkey, account });"


@pytest.fixture
def settings(settings: Any, app_server: Any) -> Any:
    return settings.model_copy(update={"cors_origins": [f"http://localhost:{app_server.port}"]})


def snippet(service: str) -> str:
    (code,) = fenced(section(README, "## Call it from the browser"), "js")
    assert code.count(BASE) == 1
    return code.replace(BASE, service)


@pytest.fixture
def page(chromium: Any, live_server: str, app_server: Any, client: Any) -> Iterator[Any]:
    """A page of the app that has run the README's script."""
    client.post("/api/v1/auth/signup", json={"email": EMAIL, "password": PASSWORD})
    app_server.app.script = CREDENTIALS + snippet(live_server) + EXPOSED
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"http://localhost:{app_server.port}/")
    page.wait_for_function("window.account")
    yield page
    context.close()


def call(page: Any, *arguments: Any) -> Any:
    return page.evaluate("(arguments) => latchkey(...arguments).catch((error) => error)", arguments)


@in_one_process  # the same requests as those of test_app_of_another_origin
def test_it_signs_in_and_writes_with_the_csrf_token(page: Any) -> None:
    assert page.evaluate("account.email") == EMAIL
    assert call(page, "PATCH", "/account", {"first_name": "Ann"})["first_name"] == "Ann"


@in_one_process
def test_it_refreshes_once_when_the_access_token_has_expired(page: Any) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {re.sub('.*/api/v1', '', request.url)}"))
    page.context.clear_cookies(name="latchkey_access")
    assert call(page, "PATCH", "/account", {"first_name": "Ann"})["first_name"] == "Ann"
    requests = [each for each in sent if not each.startswith("OPTIONS")]
    assert requests == ["PATCH /account", "POST /auth/refresh", "PATCH /account"]


@in_one_process
def test_it_throws_the_problem_and_gives_null_for_204(page: Any) -> None:
    assert call(page, "PATCH", "/account", {"first_name": 1})["code"] == "invalid_input"
    assert call(page, "POST", "/auth/logout") is None
    assert call(page, "GET", "/account")["code"] == "unauthenticated"
