"""Breached passwords, with a local server in place of the service; it receives five digits of a digest."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.domain.accounts.breached_passwords import BreachedPasswords, PasswordBreached

LEAKED, UNHEARD_OF = "correct horse battery", "a new horse battery"
PADDED = "padding for nobody"


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


class Service(HTTPServer):
    """A server that knows one breached password; a count of 0 is padding."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Location", "/leaks")
        self.end_headers()
        self.wfile.write(f"{digest(LEAKED)[5:]}:17\r\n{digest(PADDED)[5:]}:0\r\n{'A' * 35}:3".encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.serve_forever, args=(0.01,))
    thread.start()
    yield service
    service.shutdown()
    service.server_close()
    thread.join()


@pytest.fixture
def breaches(service: Service) -> BreachedPasswords:
    return BreachedPasswords(f"http://127.0.0.1:{service.server_port}/range/")


def test_a_leaked_password_is_refused(breaches: BreachedPasswords) -> None:
    with pytest.raises(PasswordBreached):
        breaches.reject_breached(LEAKED)


@pytest.mark.parametrize("password", [UNHEARD_OF, PADDED])
def test_any_other_passes(breaches: BreachedPasswords, password: str) -> None:
    breaches.reject_breached(password)
    assert breaches.unanswered == 0


def test_the_service_learns_five_digits_and_no_more(breaches: BreachedPasswords, service: Service) -> None:
    breaches.reject_breached(UNHEARD_OF)
    assert service.asked == [f"/range/{digest(UNHEARD_OF)[:5]}"]


def test_failed_breach_lookup_accepts_the_password_and_is_counted(
    breaches: BreachedPasswords, service: Service
) -> None:
    service.status = 500
    breaches.reject_breached(LEAKED)
    assert breaches.unanswered == 1
    away = BreachedPasswords("http://127.0.0.1:9/range/")
    away.reject_breached(LEAKED)
    assert away.unanswered == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_service_that_sends_us_elsewhere_is_not_followed(
    breaches: BreachedPasswords, service: Service, status: int
) -> None:
    service.status = status
    breaches.reject_breached(LEAKED)
    assert (service.asked, breaches.unanswered) == ([f"/range/{digest(LEAKED)[:5]}"], 1)


def test_breach_service_is_not_called_without_the_setting() -> None:
    nobody = BreachedPasswords("")
    nobody.reject_breached(LEAKED)
    assert nobody.unanswered == 0
