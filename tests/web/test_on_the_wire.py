"""What `python run.py` says on the wire, as a developer starts it and as production does."""

import http.client
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time

import pytest

from app.web.headers import API_POLICY, PAGE_POLICY
from config import ROOT, new_signing_key
from tests.support.ports import unused_port

APP, OTHER = "https://app.example.com", "https://other.example.com"
STRANGERS = (
    "null", "*", "https://app.example.com.evil.example", "https://evil-app.example.com", "http://app.example.com",
    "https://app.example.com:444", "https://app.example.com/", "https://sub.app.example.com", "https://appxexample.com",
    "https://app.example.com https://evil.example", "https://app.example.com@evil.example", "app.example.com",
)  # fmt: skip
PAGES = ("/", "/docs", "/reset-password", "/verify-email", "/reset-password/code")
DATA = ("/healthz", "/openapi.json", "/.well-known/jwks.json", "/nowhere", "/api/v1/account", "/static/latchkey.css")
PASSWORD = "correct horse battery"


class Service:
    """One `python run.py` of its own."""

    def __init__(self, folder, environment):
        self.production = environment == "production"
        self.port, mail_port = unused_port(), unused_port()
        told = {
            "PATH": os.environ["PATH"], "APP_ENV": environment, "PORT": self.port, "MAIL_PORT": mail_port,
            "INSTANCE_PATH": folder, "BCRYPT_ROUNDS": 4, "CORS_ORIGINS": f"{APP},{OTHER}", "MAIL_DELIVERER": "off",
        } | (secrets_of_production() if self.production else {})  # fmt: skip
        environ = {name: str(value) for name, value in told.items()}
        self.log = folder / "log"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, ROOT / "run.py"], cwd=folder, env=environ, stdout=log, stderr=log
            )

    def ready(self):
        """The service, once it answers."""
        end = time.monotonic() + 30
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if self.ask("GET", "/readyz").status == 200:
                    return self
            except OSError:
                time.sleep(0.05)
        pytest.fail(self.log.read_text())

    def ask(self, method, path, body=None, **headers):
        """The answer, its body in `said`, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            body, headers = json.dumps(body), headers | {"Content-Type": "application/json"}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.said = answer.read().decode()
        connection.close()
        return answer

    def post(self, path, body=None, **headers):
        return self.ask("POST", f"/api/v1{path}", body, **headers)

    def tell(self, *lines):
        """The first bytes of the answer to a request written by hand; nothing if the line was cut."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as line:
            try:
                line.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
                return line.recv(10_000)
            except ConnectionError:
                return b""

    def stop(self):
        self._process.terminate()
        self._process.wait(20)


def secrets_of_production():
    return {
        "SECRET_KEY": secrets.token_urlsafe(48), "SIGNING_KEY": new_signing_key(), "WORKERS": 1, "DRAIN_SECONDS": 0,
        "PUBLIC_URL": "https://accounts.example.com",
    }  # fmt: skip


@pytest.fixture(scope="module", params=["development", "production"])
def service(request, tmp_path_factory):
    service = Service(tmp_path_factory.mktemp(request.param), request.param)
    yield service.ready()
    service.stop()


@pytest.mark.parametrize("path", [*PAGES, *DATA])
def test_every_answer_says_what_a_browser_may_do_with_it(service, path):
    answer = service.ask("GET", path)
    page = answer.headers.get_content_type() == "text/html"
    assert page == (path in PAGES)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Security-Policy"] == (PAGE_POLICY if page else API_POLICY)
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Opener-Policy"] == ("same-origin" if page else None)
    assert not page or answer.headers.get_content_charset() == "utf-8"


@pytest.mark.parametrize("path", [*PAGES, *DATA])
def test_only_production_sends_hsts(service, path):
    wanted = "max-age=63072000; includeSubDomains" if service.production else None
    assert service.ask("GET", path).headers["Strict-Transport-Security"] == wanted


def test_no_answer_that_carries_or_refuses_a_credential_is_stored(service):
    ann = {"email": "ann@example.com", "password": PASSWORD}
    opened = service.post("/auth/signup", ann)
    tokens = json.loads(opened.said)
    access, refresh = f"Bearer {tokens['access_token']}", f"Bearer {tokens['refresh_token']}"
    answers = [
        opened, service.post("/auth/login", ann), service.post("/auth/login?transport=cookie", ann),
        service.post("/auth/login", ann | {"password": "wrong"}), service.post("/auth/signup", ann),
        service.ask("GET", "/api/v1/account", Authorization=access), service.ask("GET", "/api/v1/account"),
        service.ask("GET", "/api/v1/account/export", Authorization=access),
        service.ask("GET", "/api/v1/account/sessions", Authorization=access),
        service.post("/auth/refresh", Authorization=refresh), service.post("/auth/refresh", Authorization="Bearer x"),
        service.post("/forgot-password", {"email": ann["email"]}),
        service.post("/reset-password", {"reset_token": "x", "password": PASSWORD}),
        service.post("/auth/logout", Authorization=access),
    ]  # fmt: skip
    statuses = [201, 200, 200, 401, 409, 200, 401, 200, 200, 200, 401, 200, 400, 204]
    assert [answer.status for answer in answers] == statuses
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_no_answer_names_the_software_below(service):
    answers = [service.ask("GET", path).headers.as_string() for path in (*PAGES, *DATA)]
    answers += [service.ask("TRACE", "/").headers.as_string(), service.tell(b"\x16\x03\x01").decode("latin-1")]
    assert all("erver: Latchkey" in answer for answer in answers[:-1])
    assert not re.search(r"werkzeug|granian|python|flask|hyper|\d\.\d+\.\d", "".join(answers), re.IGNORECASE)


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PUT", "DEBUG"])
def test_useless_methods_are_rejected_without_an_echo(service, method):
    for path in ("/", "/healthz", "/api/v1/auth/login"):
        answer = service.ask(method, path, X_Told="in confidence")
        assert answer.status == 405
        assert "in confidence" not in answer.said + answer.headers.as_string()


@pytest.mark.parametrize("path", ["/.git/config", "/.env", "/static/", "/docs/assets/", "/static/%2e%2e/headers.py"])
def test_static_folder_has_no_listing_and_no_traversal(service, path):
    assert service.ask("GET", path).status == 404


def test_what_is_for_developers_is_not_in_production(service):
    found = {path: service.ask("GET", path).status for path in ("/dev/mailbox", "/console", "/status")}
    assert found == {"/dev/mailbox": 404 if service.production else 200, "/console": 404, "/status": 404}


def test_a_path_forges_no_line_of_the_log(service):
    service.tell(b"GET /a\x1b[2Jb%0d%0aforged\xc2\x85forged?token=secret HTTP/1.1", b"Host: localhost")
    log = service.log.read_bytes()
    assert [line for line in log.splitlines() if line.startswith(b"forged")] == []
    assert b"\x1b" not in log
    assert b"\x85" not in log
    assert b"token=secret" not in log


def preflight(service, origin):
    wanted = {"Access_Control_Request_Method": "PATCH", "Access_Control_Request_Headers": "authorization"}
    network = {"Access_Control_Request_Private_Network": "true"}
    return service.ask("OPTIONS", "/api/v1/account", Origin=origin, **wanted, **network)


@pytest.mark.parametrize("origin", [APP, OTHER])
def test_an_origin_on_the_list_may_call_with_credentials(service, origin):
    for answer in (preflight(service, origin), service.ask("GET", "/api/v1/account", Origin=origin)):
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in answer.headers["Vary"]
    allowed = preflight(service, origin).headers
    assert "PATCH" in allowed["Access-Control-Allow-Methods"]
    assert allowed["Access-Control-Allow-Headers"] == "authorization"
    assert allowed["Access-Control-Allow-Private-Network"] != "true"


@pytest.mark.parametrize("origin", STRANGERS)
def test_no_other_origin_may_read_anything(service, origin):
    for answer in (
        preflight(service, origin), service.ask("GET", "/.well-known/jwks.json", Origin=origin),
        service.ask("GET", "/api/v1/account", Origin=origin),
    ):  # fmt: skip
        assert [name for name in answer.headers if name.lower().startswith("access-control")] == []
        assert "Origin" in answer.headers["Vary"]  # else a cache might hand it what it kept for one on the list


ENDLESS = {
    "one header": [b"X: " + b"a" * 1_000_000],
    "many headers": [b"X-%d: a" % number for number in range(5_000)],
    "a cookie": [b"Cookie: a=" + b"a" * 1_000_000],
}


@pytest.mark.parametrize("headers", ENDLESS.values(), ids=ENDLESS)
def test_headers_without_end_are_refused(service, headers):
    answer = service.tell(b"GET /healthz HTTP/1.1", b"Host: localhost", *headers)
    assert re.match(rb"HTTP/1.1 4\d\d |$", answer)
    assert service.ask("GET", "/healthz").status == 200


def test_a_path_without_end_is_refused(service):
    assert re.match(rb"HTTP/1.1 4\d\d |$", service.tell(b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1", b"Host: localhost"))


LOGIN = (b"POST /api/v1/auth/login HTTP/1.1", b"Host: localhost", b"Content-Type: application/json")
AMBIGUOUS = {
    "two lengths": [b"Content-Length: 2", b"Content-Length: 60", b"", b"{}"],
    "a length and chunks": [b"Content-Length: 60", b"Transfer-Encoding: chunked", b"", b"2", b"{}", b"0"],
    "a length with a sign": [b"Content-Length: +2", b"", b"{}"],
    "another coding": [b"Transfer-Encoding: xchunked", b"", b"2", b"{}", b"0"],
}


@pytest.mark.parametrize("service", ["production"], indirect=True)  # the other one stands behind no proxy
@pytest.mark.parametrize("rest", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_body_with_two_lengths_is_rejected(service, rest):
    assert re.match(rb"HTTP/1.1 4\d\d |$", service.tell(*LOGIN, *rest))


def test_a_request_for_two_hosts_is_refused(service):
    answer = service.tell(b"GET / HTTP/1.1", b"Host: localhost", b"Host: evil.example")
    assert re.match(rb"HTTP/1.1 400 ", answer)
    assert b"evil" not in answer
