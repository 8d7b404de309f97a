"""Whole stories over real HTTP, with a real mail server and real processes."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.servers import Process

ANN = {"email": "ann@example.com", "password": "correct horse battery"}
NEW = "a new horse battery"


class Browser:
    """A client that knows nothing of the service but its address."""

    def __init__(self, base):
        self._place = urlsplit(base).netloc

    def send(self, method, path, body=None, token=None, **headers):
        """The status and what the JSON body says."""
        connection = http.client.HTTPConnection(self._place, timeout=20)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(body, dict):
            body, headers = json.dumps(body), headers | {"Content-Type": "application/json"}
        try:
            connection.request(
                method, path, body, headers, encode_chunked=headers.get("Transfer-Encoding") == "chunked"
            )
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def post(self, path, body=None, token=None, **headers):
        return self.send("POST", f"/api/v1{path}", body, token, **headers)

    def me(self, tokens):
        return self.send("GET", "/api/v1/account", token=tokens["access_token"])[0]

    def refresh(self, tokens):
        return self.post("/auth/refresh", token=tokens["refresh_token"])


def the_letter(mailbox, path):
    """The letter whose link leads to this page, once it came."""
    for count in range(1, 9):
        letter = mailbox.wait_for(count, 30)[count - 1]
        if path in letter.text:
            return letter
    raise AssertionError(f"no letter leads to {path}")


@pytest.fixture
def browser(live_server):
    return Browser(live_server)


@pytest.fixture
def process(settings):
    """Start a process on the one database; gives it and a browser for it."""
    started = []

    def start():
        new = Process(settings.model_copy(update={"mail_deliverer": "off"}).model_dump_json())
        started.append(new)
        return new, Browser(new.ready())

    yield start
    for one in started:
        one.kill()


def test_from_sign_up_over_a_forgotten_password_to_sign_out(browser, mailbox):
    status, first = browser.post("/auth/signup", ANN)
    assert (status, browser.me(first)) == (201, 200)

    status, second = browser.refresh(first)
    assert (status, browser.me(second)) == (200, 200)

    assert browser.post("/forgot-password", {"email": ANN["email"]})[0] == 200
    letter = the_letter(mailbox, "/reset-password")
    assert (letter.recipients, letter.sender) == ([ANN["email"]], "no-reply@localhost")

    assert browser.post("/reset-password", {"reset_token": letter.token, "password": NEW})[0] == 200
    assert [browser.me(second), browser.refresh(second)[0]] == [401, 401]
    assert browser.post("/auth/login", ANN)[0] == 401

    status, third = browser.post("/auth/login", ANN | {"password": NEW})
    assert (status, browser.me(third)) == (200, 200)
    assert "password" in the_letter(mailbox, "/not-me").subject.lower()

    assert browser.post("/auth/logout", token=third["access_token"])[0] == 204
    assert [browser.me(third), browser.refresh(third)[0]] == [401, 401]


def test_the_letter_s_link_leads_to_this_service_whatever_the_headers_say(browser, mailbox, live_server):
    browser.post("/auth/signup", ANN)
    browser.post("/forgot-password", {"email": ANN["email"]}, **{"X-Forwarded-Host": "evil.example"})
    letter = the_letter(mailbox, "/reset-password")
    assert letter.link.startswith(live_server + "/")
    assert "evil" not in letter.message.as_string()


def test_a_chunked_body_is_taken_and_a_long_one_refused(browser):
    def chunked(body):
        chunks = (body[start : start + 1_000].encode() for start in range(0, len(body), 1_000))
        headers = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
        return browser.post("/auth/signup", chunks, **headers)[0]

    assert chunked(json.dumps(ANN | {"email": "bob@example.com"}) + " " * 70_000) == 413
    assert chunked(json.dumps(ANN)) == 201


LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
ODD = {
    "a token of odd bytes": b"GET /api/v1/account HTTP/1.1\r\nHost: [::1]\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    "a path of odd bytes": b"GET /\xff\xfe%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a body of odd bytes": LOGIN + b"5\r\n\r\n\xff\xfe\xfd\xfc\xfb",
    "a length below zero": LOGIN + b"-5\r\n\r\n{}",
    "a length in words": LOGIN + b"five\r\n\r\n{}",
    "a star": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("request_line", ODD.values(), ids=ODD)
def test_odd_bytes_on_the_wire_are_no_mistake_of_ours(live_server, request_line):
    place = urlsplit(live_server)
    with socket.create_connection((place.hostname, place.port), timeout=20) as line:
        line.sendall(request_line)
        line.shutdown(socket.SHUT_WR)
        status = int(line.makefile("rb").readline().split()[1])
    assert status < 500


def test_a_process_that_dies_loses_no_account_and_no_session(process):
    first, browser = process()
    tokens = browser.post("/auth/signup", ANN)[1]
    newest = browser.refresh(tokens)[1]
    first.kill()
    _, browser = process()
    assert browser.me(newest) == 200
    assert browser.refresh(newest)[0] == 200
    assert browser.post("/auth/login", ANN)[0] == 200


@pytest.mark.settings(refresh_grace_seconds=300)
def test_two_processes_are_one_service(each_database, processes):
    one, other = map(Browser, processes(2))
    tokens = one.post("/auth/signup", ANN)[1]
    assert one.refresh(tokens)[1]["refresh_token"] == other.refresh(tokens)[1]["refresh_token"]
    assert one.post("/auth/logout?scope=all", token=tokens["access_token"])[0] == 204
    assert [other.me(tokens), other.refresh(tokens)[0]] == [401, 401]
