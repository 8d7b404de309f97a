"""A browser app on a sibling host, or on another site, over HTTPS: signed in by cookies, also after a reload."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from config import Settings
from tests.journeys.conftest import in_one_process
from tests.journeys.test_cross_origin_app import ANN, Tab
from tests.support.forks import QuietRequestHandler
from tests.support.ports import unused_port

pytestmark = pytest.mark.settings(public_url="https://accounts.latchkey.test")
PAGE = Response("<!doctype html><title>An app</title>", mimetype="text/html")


@contextmanager
def serving(port: int, app: Any) -> Iterator[int]:
    """Serve over HTTPS, for any host name, with a certificate that the browser is told to accept."""
    server = make_server(
        "127.0.0.1", port, app, threaded=True, request_handler=QuietRequestHandler, ssl_context="adhoc"
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def app_port() -> Iterator[int]:
    """The port of the pages of every app; their host names differ."""
    with serving(0, PAGE) as port:
        yield port


@pytest.fixture
def sibling(app_port: int) -> str:
    return f"https://app.latchkey.test:{app_port}"


@pytest.fixture
def other_site(app_port: int) -> str:
    return f"https://app.another.test:{app_port}"


@pytest.fixture
def settings(settings: Settings, sibling: str, other_site: str) -> Settings:
    url = f"{settings.public_url}:{unused_port()}"
    return settings.model_copy(update={"public_url": url, "cors_origins": [sibling, other_site]})


@pytest.fixture
def service(app: Flask, settings: Settings) -> Iterator[str]:
    with serving(int(settings.public_url.rpartition(":")[2]), app):
        yield settings.public_url


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    """A browser of its own."""
    context = chromium.new_context(ignore_https_errors=True)
    yield context
    context.close()


def names_of(context: Any) -> set[str]:
    return {cookie["name"] for cookie in context.cookies()}


def tab_on(context: Any, origin: str, service: str) -> Tab:
    tab = Tab(context.new_page(), service)
    tab.page.goto(origin)
    return tab


@in_one_process
def test_app_on_a_sibling_host_writes_after_a_reload(context: Any, service: str, sibling: str, other_site: str) -> None:
    tab = tab_on(context, sibling, service)
    status, body = tab.call("POST", "/auth/signup?transport=cookie", ANN)
    assert status == 201
    assert names_of(context) == {f"__Host-latchkey_{word}" for word in ("access", "refresh", "csrf", "device")}
    tab.page.reload()
    assert tab.page.evaluate("document.cookie") == ""
    csrf = tab.call("GET", "/auth/csrf")[1]["csrf_token"]
    assert csrf == body["csrf_token"]
    assert tab.call("PATCH", "/account", {"first_name": "Ann"}, csrf=csrf)[1]["first_name"] == "Ann"
    stranger = tab_on(context, other_site, service)  # listed, but on another site: cookies are SameSite=Lax
    assert stranger.call("GET", "/auth/csrf")[0] == 401
    assert stranger.call("POST", "/auth/login?transport=cookie", ANN)[1]["code"] == "csrf_failed"
    tab.drop("__Host-latchkey_access")  # as when its time is over
    assert tab.call("POST", "/auth/logout", csrf=csrf) == (204, {})
    assert names_of(context) == {"__Host-latchkey_device"}


@in_one_process
@pytest.mark.settings(cookie_samesite="none")
def test_app_on_another_site_needs_cookies_without_samesite(context: Any, service: str, other_site: str) -> None:
    tab = tab_on(context, other_site, service)
    assert tab.call("POST", "/auth/signup?transport=cookie", ANN)[0] == 201
    tab.page.reload()
    csrf = tab.call("GET", "/auth/csrf")[1]["csrf_token"]
    assert tab.call("PATCH", "/account", {"first_name": "Ann"}, csrf=csrf)[1]["first_name"] == "Ann"
    unlisted = tab_on(context, other_site.replace("another", "evil"), service)
    for attempt in (("GET", "/auth/csrf"), ("GET", "/account"), ("POST", "/auth/logout", None, csrf)):
        assert unlisted.call(*attempt) == (0, {})
    assert tab.call("GET", "/account")[0] == 200
    assert tab.call("POST", "/auth/logout", csrf=csrf) == (204, {})


@in_one_process
@pytest.mark.settings(cookie_domain="latchkey.test")
def test_sibling_host_reads_the_csrf_cookie_of_the_domain(context: Any, service: str, sibling: str) -> None:
    tab = tab_on(context, sibling, service)
    csrf = tab.call("POST", "/auth/signup?transport=cookie", ANN)[1]["csrf_token"]
    tab.page.reload()
    assert tab.page.evaluate("document.cookie") == f"__Secure-latchkey_csrf={csrf}"
    assert tab.call("POST", "/auth/logout", csrf=csrf) == (204, {})
    assert tab.page.evaluate("document.cookie") == ""
