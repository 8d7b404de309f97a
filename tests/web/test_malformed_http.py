"""What no client should send, over a real connection."""

import http.client
import json
import socket
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.support.api import ANN

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
def test_malformed_http_never_causes_an_internal_error(live_server, request_line):
    place = urlsplit(live_server)
    with socket.create_connection((place.hostname, place.port), timeout=20) as line:
        line.sendall(request_line)
        line.shutdown(socket.SHUT_WR)
        status = int(line.makefile("rb").readline().split()[1])
    assert status < 500


def test_a_chunked_body_is_taken_and_a_long_one_refused(live_server):
    def sign_up(body):
        chunks = (body[start : start + 1_000].encode() for start in range(0, len(body), 1_000))
        headers = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
        with closing(http.client.HTTPConnection(urlsplit(live_server).netloc, timeout=20)) as connection:
            connection.request("POST", "/api/v1/auth/signup", chunks, headers, encode_chunked=True)
            return connection.getresponse().status

    assert sign_up(json.dumps(ANN | {"email": "bob@example.com"}) + " " * 70_000) == 413
    assert sign_up(json.dumps(ANN)) == 201
