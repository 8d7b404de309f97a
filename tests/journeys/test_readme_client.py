"""The browser client of the README, exactly as it stands there, on a page of another origin."""

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
    assert code.count(BASE) == 2
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


@in_one_process  # the client is tested in test_javascript_client.py
def test_it_signs_in_and_writes(page: Any) -> None:
    assert page.evaluate("account.email") == EMAIL
    assert page.evaluate("latchkey.account().then((account) => account.first_name)") == "Ann"
    assert page.evaluate("document.cookie").startswith("latchkey_csrf")
