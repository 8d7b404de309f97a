"""An app of another origin, signed in by cookies: it goes on after a reload; pages of other origins cannot."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from tests.journeys.conftest import in_one_process
from tests.support.forks import QuietRequestHandler

ANN = {"email": "ann@example.com", "password": "correct horse battery"}
CALL = """async ([method, url, body, csrf]) => {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(csrf && { "X-CSRF-Token": csrf }) };
  const sent = { method, headers, credentials: "include", body: body && JSON.stringify(body) };
  try {
    const answer = await fetch(url, sent);
    return { status: answer.status, body: answer.status === 204 ? {} : await answer.json() };
  } catch (error) {
    return { status: 0, body: {} };
  }
}"""


@contextmanager
def serving(port: int) -> Iterator[str]:
    """An origin of its own with an empty page."""
    page = Response("<!doctype html><title>An app</title>", mimetype="text/html")
    server = make_server("127.0.0.1", port, page, threaded=True, request_handler=QuietRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://localhost:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def app_origin() -> Iterator[str]:
    """The origin of the app, which CORS_ORIGINS names."""
    with serving(0) as origin:
        yield origin


@pytest.fixture
def settings(settings: Any, app_origin: str) -> Any:
    return settings.model_copy(update={"cors_origins": [app_origin]})


class Tab:
    """A page that calls the service with cookies."""

    def __init__(self, page: Any, service: str) -> None:
        self.page, self.service = page, service

    def call(self, method: str, path: str, body: Any = None, csrf: str | None = None) -> tuple[int, Any]:
        """Status and body of an answer; status 0 if the browser lets the page read none."""
        answer = self.page.evaluate(CALL, [method, f"{self.service}/api/v1{path}", body, csrf])
        return answer["status"], answer["body"]

    def drop(self, *names: str) -> None:
        """Lose cookies, as a browser does when their time is over."""
        for name in names:
            self.page.context.clear_cookies(name=name)


@in_one_process
def test_it_writes_and_refreshes_after_a_reload(chromium: Any, live_server: str, app_origin: str) -> None:
    context = chromium.new_context()
    tab = Tab(context.new_page(), live_server)
    tab.page.goto(app_origin)
    assert tab.call("GET", "/auth/csrf")[0] == 401
    assert tab.call("POST", "/auth/signup?transport=cookie", ANN)[0] == 201
    tab.page.reload()
    tab.drop("latchkey_access", "latchkey_csrf")  # on another host scripts would not see the latter in the first place
    assert tab.call("GET", "/account")[1]["code"] == "token_expired"
    status, body = tab.call("GET", "/auth/csrf")
    assert status == 200
    assert tab.call("POST", "/auth/refresh", csrf=body["csrf_token"])[0] == 200
    assert tab.call("PATCH", "/account", {"first_name": "Ann"}, csrf=body["csrf_token"])[1]["first_name"] == "Ann"
    with serving(0) as elsewhere:
        other = Tab(context.new_page(), live_server)
        other.page.goto(elsewhere)
        assert other.call("GET", "/auth/csrf") == (0, {})
        assert other.call("PATCH", "/account", {"first_name": "Eve"}, csrf=body["csrf_token"]) == (0, {})
    assert tab.call("GET", "/account")[1]["first_name"] == "Ann"
    context.close()
