"""Calls a WSGI application after the request body has arrived, so that no thread waits for a slow client.

granian's own WSGI support reads the body in the application's thread, without a timeout. Its other interface, RSGI,
reads it without a thread and reports when it is complete; this is WSGI on top of that.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

from app.core.active_requests import active_requests
from app.web.headers import API_POLICY, TWO_YEARS

MAX_BODY: Final = 64 * 1024
MAX_PARTS: Final = 1_000  # of a chunked body: each part costs a call, however small it is
BODY_SECONDS: Final = 10  # within which a body must be complete
BODY_SECONDS_DRAINING: Final = 2  # so that no slow client delays a restart
VERSIONS: Final = {"1": "HTTP/1.0", "1.1": "HTTP/1.1"}
ERRORS: Final = {
    HTTPStatus.REQUEST_TIMEOUT: ("Request Timeout", "request_timeout", "The body did not arrive in time."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "Content Too Large",
        "content_too_large",
        f"The body is larger than {MAX_BODY // 1024} KiB.",
    ),
}
ERROR_HEADERS: Final = [
    ("Content-Type", "application/problem+json"),
    ("Connection", "close"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", API_POLICY),
    ("Strict-Transport-Security", f"max-age={TWO_YEARS}; includeSubDomains"),
    ("Server", "Latchkey"),
]

WsgiApp = Callable[[dict[str, Any], Callable[..., None]], Iterable[bytes]]
log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class BodyRead:
    """A request whose body is being read."""

    scope: Any
    proto: Any
    started_at: float = field(default_factory=time.monotonic)
    future: Any = None
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class Gateway:
    """Receives requests from granian. A request without a body, or with a too large one, is answered immediately."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app
        self._readings: set[BodyRead] = set()

    def schedule(self, watcher: Any) -> None:
        """Start reading a request, in one of granian's threads."""
        self._catch_errors(self._begin, BodyRead(watcher.scope, watcher.proto))

    def give_up(self, seconds: float) -> None:
        """Reject each request whose body has taken longer than this."""
        before = time.monotonic() - seconds
        for reading in list(self._readings):
            if reading.started_at < before and (future := reading.future):
                future.cancel()  # which calls `_append` in this thread

    def _catch_errors(self, act: Callable[..., None], reading: BodyRead, *args: Any) -> None:
        try:
            act(reading, *args)
        except Exception:  # granian ignores it, and the client would never get a response
            log.exception("a request could not be handled")
            self._reply(reading, 500, [], b"")

    def _begin(self, reading: BodyRead) -> None:
        headers = reading.scope.headers
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit():
            aiter(reading.proto)  # returns proto itself
            self._read_parts(reading)
        elif int(length) > MAX_BODY:
            self._reject(reading, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif int(length) > 0:
            self._wait(reading, reading.proto(), self._call)
        else:
            self._call(reading, b"")

    def _wait(self, reading: BodyRead, future: Any, then: Callable[[BodyRead, bytes], None]) -> None:
        reading.future = future
        self._readings.add(reading)
        future.add_done_callback(lambda done: self._catch_errors(self._append, reading, done, then))

    def _append(self, reading: BodyRead, done: Any, then: Callable[[BodyRead, bytes], None]) -> None:
        reading.future = None  # breaks the reference cycle
        if done.cancelled():
            self._reject(reading, HTTPStatus.REQUEST_TIMEOUT)
        elif done.exception() is not None:  # the client has disconnected
            self._readings.discard(reading)
        else:
            then(reading, done.result())

    def _read_parts(self, reading: BodyRead) -> None:
        while True:  # a loop, because recursion over parts that have already arrived could go too deep
            future = reading.proto.__anext__()
            if not future.done():
                self._wait(reading, future, self._add_part)
                return
            if not self._has_more(reading, future.result()):
                return

    def _add_part(self, reading: BodyRead, part: bytes) -> None:
        if self._has_more(reading, part):
            self._read_parts(reading)

    def _has_more(self, reading: BodyRead, part: bytes) -> bool:
        if not part:
            self._call(reading, b"".join(reading.parts))
            return False
        reading.parts.append(part)
        reading.size += len(part)
        if reading.size > MAX_BODY or len(reading.parts) > MAX_PARTS:
            self._reject(reading, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return False
        return True

    def _call(self, reading: BodyRead, body: bytes) -> None:
        self._readings.discard(reading)
        started: list[Any] = []
        with active_requests.handle():
            answer = self._app(environ(reading.scope, body), lambda *arguments: started.extend(arguments))
            try:
                content = b"".join(answer)
            finally:
                if close := getattr(answer, "close", None):
                    close()
        self._reply(reading, int(started[0][:3]), started[1], content)

    def _reject(self, reading: BodyRead, status: HTTPStatus) -> None:
        # Answered here and not by the application, so that a flood of such requests costs little.
        title, code, detail = ERRORS[status]
        facts = {"status": status.value, "address": host(reading.scope.client)}
        log.info("%d before the application was called: %s", status, code, extra={"facts": facts})
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
        self._reply(reading, status, ERROR_HEADERS, json.dumps(problem, separators=(",", ":")).encode())

    def _reply(self, reading: BodyRead, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self._readings.discard(reading)
        reading.proto.response_bytes(status, headers, content)


def environ(scope: Any, body: bytes) -> dict[str, Any]:
    """The WSGI environment of a request."""
    server, _, port = scope.server.rpartition(":")
    made = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": host(scope.client),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": VERSIONS.get(scope.http_version, "HTTP/1.0"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:  # in WSGI, X_Forwarded_For cannot be told from the X-Forwarded-For of a proxy
            continue
        key = name.replace("-", "_").upper()
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ","
        made[key] = f"{made[key]}{separator}{value}" if key in made else value
    made.setdefault("HTTP_HOST", scope.authority or "")
    return made


def host(address: str) -> str:
    """The host of `1.2.3.4:567` or of `[fe80::1%2]:567`."""
    return address.rpartition(":")[0].strip("[]").partition("%")[0]
