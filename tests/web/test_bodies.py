"""Request bodies in production: read before a thread is taken, within a time, and up to a size."""

import json
import socket
import time
from secrets import token_urlsafe

import pytest

from app.web.bodies import MAX_BODY, MAX_PARTS, host
from config import new_signing_key
from tests.bench.serving import running

SECONDS = 1
START = f"""
import sys, run
from app.web import granian_server
granian_server.BODY_SECONDS = {SECONDS}
sys.exit(run.main())
"""
THREADS = 2
LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = LOGIN + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW = {
    "announced": LOGIN + b'Content-Length: 60\r\n\r\n{"email": ',
    "in chunks": CHUNKED + b"10\r\n{",
    "for a route that reads none": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
}  # fmt: skip


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bodies")
    told = {
        "APP_ENV": "production", "PUBLIC_URL": "https://accounts.example.com", "SECRET_KEY": token_urlsafe(48),
        "SIGNING_KEY": new_signing_key(), "DATABASE_URL": f"sqlite:///{folder}/latchkey.db", "MAIL_DELIVERER": "off",
        "WORKERS": "1", "THREADS": str(THREADS), "TRUSTED_HOSTS": "localhost,127.0.0.1", "DRAIN_SECONDS": "0",
        "TRUSTED_PROXIES": "127.0.0.1",
    }  # fmt: skip
    with running("-c", START, **told) as served:
        yield served.port


def send(port, *parts):
    """A connection over which these bytes were sent."""
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.sendall(b"".join(parts))
    return connection


def answer(connection, *, to_end=False):
    """The status line, the headers and the body that came; `to_end`: until the other side hung up."""
    read = b""
    with connection:
        while part := connection.recv(65_536):
            read += part
            head, _, body = read.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            if not to_end and length and len(body) >= int(length):
                break
    return int(head[9:12]), head.decode().lower(), body


def ask(port, *parts):
    return answer(send(port, *parts))


def chunks(*parts):
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


def test_slow_bodies_hold_no_thread_and_time_out(port):
    slow = {name: [send(port, beginning) for _ in range(4 * THREADS)] for name, beginning in SLOW.items()}
    assert ask(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 200
    assert ask(port, LOGIN, b"Content-Length: 2\r\n\r\n{}")[0] == 400
    for name, connections in slow.items():
        answers = [answer(connection, to_end=True) for connection in connections]
        assert {(status, json.loads(body)["code"]) for status, _, body in answers} == {(408, "request_timeout")}, name
        assert all("connection: close" in head for _, head, _ in answers), name


def test_a_body_byte_by_byte_times_out(port):
    with send(port, LOGIN, b"Content-Length: 60000\r\n\r\n") as connection:
        connection.settimeout(0.05)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            connection.send(b" ")
            try:
                assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
                return
            except TimeoutError:
                pass
        pytest.fail("it was read on")


@pytest.mark.parametrize(
    "parts", [[b'{"email', b'":1}'], [b'{"email":1}'], [b"{", *[b" "] * 200, b'"email":1}']], ids=len
)
def test_a_body_in_chunks_reaches_the_application(port, parts):
    status, _, body = ask(port, CHUNKED, chunks(*parts))
    assert (status, json.loads(body)["errors"][0]["field"]) == (400, "email")


@pytest.mark.parametrize("parts", [[b" " * 9_000] * 8, [b" "] * (MAX_PARTS + 1)], ids=["large", "many"])
def test_too_many_chunks_are_refused(port, parts):
    assert ask(port, CHUNKED, chunks(*parts))[0] == 413


def test_a_large_body_is_refused_before_it_is_sent(port):
    status, head, body = answer(send(port, LOGIN, b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1)), to_end=True)
    assert (status, json.loads(body)["code"]) == (413, "content_too_large")
    assert "connection: close" in head


def test_a_client_that_hangs_up_midway_is_forgotten(port):
    for _ in range(4 * THREADS):
        send(port, SLOW["announced"]).close()
    assert ask(port, LOGIN, b"Content-Length: 2\r\n\r\n{}")[0] == 400


@pytest.mark.parametrize(("name", "believed"), [(b"X-Request-ID", True), (b"X_Request_ID", False)])
def test_a_header_with_underscores_is_not_taken_for_another(port, name, believed):
    _, head, _ = ask(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", name, b": from-a-proxy\r\n\r\n")
    assert ("x-request-id: from-a-proxy" in head) == believed


@pytest.mark.parametrize(
    ("address", "wanted"), [("1.2.3.4:56", "1.2.3.4"), ("[::1]:56", "::1"), ("[fe80::1%eth0]:56", "fe80::1")]
)
def test_the_host_of_an_address_has_no_port_or_zone(address, wanted):
    assert host(address) == wanted
