"""Whole stories over real HTTP, with a real mail server and real processes."""

import http.client
import json
from contextlib import closing
from urllib.parse import urlsplit

import pytest

ANN = {"email": "ann@example.com", "password": "correct horse battery"}
NEW = "a new horse battery"


class Browser:
    """A client that knows nothing of the service but its address."""

    def __init__(self, base):
        self._place = urlsplit(base).netloc

    def send(self, method, path, body=None, token=None, **headers):
        """The status and what the JSON body says."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            body, headers = json.dumps(body), headers | {"Content-Type": "application/json"}
        with closing(http.client.HTTPConnection(self._place, timeout=20)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    def post(self, path, body=None, token=None, **headers):
        return self.send("POST", f"/api/v1{path}", body, token, **headers)

    def me(self, tokens):
        return self.send("GET", "/api/v1/account", token=tokens["access_token"])[0]

    def refresh(self, tokens):
        return self.post("/auth/refresh", token=tokens["refresh_token"])


def the_email(mailbox, path):
    """The email whose link leads to this page, once it came."""
    for count in range(1, 9):
        email = mailbox.wait_for(count, 30)[count - 1]
        if path in email.text:
            return email
    raise AssertionError(f"no email leads to {path}")


@pytest.fixture
def browser(live_server):
    return Browser(live_server)


def test_from_sign_up_over_a_forgotten_password_to_sign_out(browser, mailbox):
    status, first = browser.post("/auth/signup", ANN)
    assert (status, browser.me(first)) == (201, 200)

    status, second = browser.refresh(first)
    assert (status, browser.me(second)) == (200, 200)

    assert browser.post("/forgot-password", {"email": ANN["email"]})[0] == 200
    email = the_email(mailbox, "/reset-password")
    assert (email.recipients, email.sender) == ([ANN["email"]], "no-reply@localhost")

    assert browser.post("/reset-password", {"reset_token": email.token, "password": NEW})[0] == 200
    assert [browser.me(second), browser.refresh(second)[0]] == [401, 401]
    assert browser.post("/auth/login", ANN)[0] == 401

    status, third = browser.post("/auth/login", ANN | {"password": NEW})
    assert (status, browser.me(third)) == (200, 200)
    assert "password" in the_email(mailbox, "/not-me").subject.lower()

    assert browser.post("/auth/logout", token=third["access_token"])[0] == 204
    assert [browser.me(third), browser.refresh(third)[0]] == [401, 401]


def test_email_link_ignores_the_request_headers(browser, mailbox, live_server):
    browser.post("/auth/signup", ANN)
    browser.post("/forgot-password", {"email": ANN["email"]}, **{"X-Forwarded-Host": "evil.example"})
    email = the_email(mailbox, "/reset-password")
    assert email.link.startswith(live_server + "/")
    assert "evil" not in email.message.as_string()


@pytest.mark.settings(refresh_grace_seconds=300)
def test_two_processes_answer_as_one_service(browser):
    tokens = browser.post("/auth/signup", ANN)[1]
    assert browser.refresh(tokens)[1]["refresh_token"] == browser.refresh(tokens)[1]["refresh_token"]
    assert browser.post("/auth/logout?scope=all", token=tokens["access_token"])[0] == 204
    assert [browser.me(tokens), browser.me(tokens)] == [401, 401]
    assert [browser.refresh(tokens)[0], browser.refresh(tokens)[0]] == [401, 401]


def test_killed_process_loses_no_account_and_no_session(process_pool, settings):
    url = process_pool.serve(settings)
    browser = Browser(url)
    tokens = browser.post("/auth/signup", ANN)[1]
    newest = browser.refresh(tokens)[1]
    process_pool.kill(process_pool.pid_of(url))
    with pytest.raises(ConnectionError):
        browser.me(newest)
    browser = Browser(process_pool.serve(settings))
    assert browser.me(newest) == 200
    assert browser.refresh(newest)[0] == 200
    assert browser.post("/auth/login", ANN)[0] == 200
