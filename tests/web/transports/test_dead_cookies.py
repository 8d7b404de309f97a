"""Cookies of a session that ended are deleted, but never those of a request that won a race."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.accounts.model import Account
from tests.conftest import AuthInContext
from tests.support.api import ANN, bearer, is_problem, sql, update_rows
from tests.support.clock import SettableClock

COOKIES = {"latchkey_access", "latchkey_refresh", "latchkey_csrf"}
GRACE = 10


class Browser:
    """A browser that is signed in by cookie."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.csrf = self.sign_in()

    def sign_in(self) -> dict[str, str]:
        """The header for writes."""
        return {"X-CSRF-Token": self.client.post("/api/v1/auth/login?transport=cookie", json=ANN).json["csrf_token"]}

    def read(self) -> TestResponse:
        return self.client.get("/api/v1/account")

    def refresh(self) -> TestResponse:
        return self.client.post("/api/v1/auth/refresh", headers=self.csrf)


ASK = {"a read": Browser.read, "a refresh": Browser.refresh}
each_request = pytest.mark.parametrize("ask", ASK.values(), ids=ASK)


@pytest.fixture
def ann(client: FlaskClient) -> dict[str, str]:
    return client.post("/api/v1/auth/signup", json=ANN).json


@pytest.fixture
def browser(app: Flask, ann: dict[str, str]) -> Browser:
    return Browser(app)


def end_others(client: FlaskClient, tokens: dict[str, str]) -> None:
    assert client.post("/api/v1/auth/logout?scope=others", headers=bearer(tokens["access_token"])).status_code == 204


def deleted(answer: TestResponse) -> set[str]:
    return {line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie") if "Max-Age=0" in line}


@each_request
def test_cookies_of_a_session_that_ended_are_deleted(
    client: FlaskClient, ann: dict[str, str], browser: Browser, clock: SettableClock, ask: Callable
) -> None:
    clock.advance(seconds=-(GRACE + 1))  # the database has a clock of its own
    end_others(client, ann)
    assert is_problem(answer := ask(browser), 401, "invalid_token")
    assert deleted(answer) == COOKIES
    assert is_problem(browser.read(), 401, "unauthenticated")  # the browser has none left


@each_request
def test_request_around_the_end_deletes_nothing(
    client: FlaskClient, ann: dict[str, str], browser: Browser, clock: SettableClock, ask: Callable
) -> None:
    clock.advance(seconds=2 - GRACE)
    end_others(client, ann)
    assert is_problem(answer := ask(browser), 401, "invalid_token")
    assert deleted(answer) == set()


def test_late_response_keeps_the_cookies_of_the_next_sign_in(
    app: Flask, client: FlaskClient, ann: dict[str, str], browser: Browser
) -> None:
    tab = app.test_client()
    for name in ("latchkey_access", "latchkey_refresh"):
        tab.set_cookie(name, browser.client.get_cookie(name).value)
    browser.client.post("/api/v1/auth/logout", headers=browser.csrf)
    late = tab.get("/api/v1/account")  # sent before the logout, answered after the next sign-in
    browser.sign_in()
    assert (late.status_code, deleted(late)) == (401, set())


def test_cookies_of_a_disabled_account_are_deleted(
    app: Flask, browser: Browser, auth: AuthInContext, clock: SettableClock
) -> None:
    for seconds, cookies in ((0, set()), (GRACE + 1, COOKIES)):  # SQLite's clock counts milliseconds
        clock.advance(seconds=-seconds)
        update_rows(app, Account, disabled_at=clock.now())
        assert deleted(browser.read()) == cookies


def test_cookies_of_a_purged_session_are_deleted(app: Flask, browser: Browser) -> None:
    sql(app, "DELETE FROM sessions")
    assert deleted(browser.read()) == COOKIES


def test_live_session_loses_no_cookie_by_a_rejected_request(app: Flask, browser: Browser, clock: SettableClock) -> None:
    stale = browser.client.get_cookie("latchkey_refresh").value
    assert browser.refresh().status_code == 200
    tab = app.test_client()
    tab.set_cookie("latchkey_refresh", stale)
    clock.advance(seconds=1)
    assert deleted(tab.get("/api/v1/account")) == set()  # the access cookie has expired
    assert deleted(tab.post("/api/v1/auth/refresh", headers=browser.csrf)) == set()
    assert deleted(browser.client.patch("/api/v1/account", json={})) == set()  # no CSRF token
    browser.client.set_cookie("latchkey_access", "x.y.z")  # or signed by a key that this process does not know yet
    assert deleted(browser.read()) == set()
