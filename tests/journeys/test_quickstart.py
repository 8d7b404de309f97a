"""The page of docs/quickstart-spa.md, exactly as it stands there, in two tabs."""

from typing import Any

import pytest

from tests.journeys.conftest import in_one_process
from tests.support.api import ANN, PASSWORD
from tests.test_docs import BASE, ROOT, fenced

QUICKSTART = (ROOT / "docs/quickstart-spa.md").read_text()


@pytest.fixture
def settings(settings: Any, app_server: Any) -> Any:
    return settings.model_copy(update={"cors_origins": [f"http://localhost:{app_server.port}"]})


@in_one_process
def test_two_tabs_of_the_quickstart_sign_in_and_out_together(chromium: Any, live_server: str, app_server: Any) -> None:
    (page_of_the_app,) = fenced(QUICKSTART, "html")
    assert page_of_the_app.count(BASE) == 2
    app_server.app.body = page_of_the_app.replace(BASE, live_server)
    context = chromium.new_context()
    first, second = context.new_page(), context.new_page()
    for tab in (first, second):
        tab.goto(f"http://localhost:{app_server.port}/")
    first.get_by_label("Email address").fill(ANN["email"])
    first.get_by_label("Password").fill("short")
    first.get_by_role("button", name="Create an account").click()
    first.get_by_role("alert").filter(has_text="at least 8 characters").wait_for()
    first.get_by_label("Password").fill(PASSWORD)
    first.get_by_role("button", name="Create an account").click()
    for tab in (first, second):
        tab.get_by_text(f"Hello, {ANN['email']}").wait_for()
    second.reload()
    second.get_by_role("button", name="Sign out").click()
    first.get_by_role("button", name="Sign in").wait_for()
    context.close()
