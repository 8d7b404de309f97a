"""Many HTTP clients in threads that all send at the same moment."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and when the request was begun."""

    status: int
    body: Any
    headers: http.client.HTTPMessage
    began: float

    @property
    def as_documented(self) -> bool:
        """No mistake of ours; and whoever is sent away for now is told for how long."""
        return self.status < 500 or (self.status == 503 and int(self.headers["Retry-After"]) >= 1)


@dataclass(slots=True)
class Call:
    """One request over a connection of its own; `connect` may come long before `send`."""

    base: str
    method: str
    path: str
    token: str | None = None
    body: dict[str, Any] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    cookie: str | None = None
    _connection: http.client.HTTPConnection | None = None

    def connect(self) -> "Call":
        """Open the connection, so that `send` only has to send."""
        where = urlsplit(self.base)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        self._connection.connect()
        return self

    def send(self) -> Answer:
        """The answer to the request."""
        connection = self._connection or self.connect()._connection
        assert connection is not None
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if self.body or self.form:
            headers["Content-Type"] = "application/json" if self.body else "application/x-www-form-urlencoded"
        sent = json.dumps(self.body) if self.body else urlencode(self.form) or None
        try:
            began = time.monotonic()
            connection.request(self.method, self.path, sent, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
            self._connection = None
        is_json = text and "json" in answer.headers.get_content_type()
        return Answer(answer.status, json.loads(text) if is_json else None, answer.headers, began)


def post(base: str, path: str, token: str | None = None, **body: Any) -> Call:
    """A POST to one of our routes."""
    return Call(base, "POST", f"/api/v1{path}", token, body)


def account(base: str, token: str) -> Call:
    """Who am I."""
    return Call(base, "GET", "/api/v1/account", token)


def later(seconds: float, call: Call) -> Callable[[], Answer]:
    """A request that waits a moment on its open connection."""
    call.connect()

    def send() -> Answer:
        time.sleep(seconds)
        return call.send()

    return send


def together(acts: Sequence[Callable[[], Result]]) -> list[Result]:
    """Do everything at once, each in a thread that starts when all are there."""
    gate = threading.Barrier(len(acts))

    def wait_and(act: Callable[[], Result]) -> Result:
        gate.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(wait_and, acts))


def send_together(calls: Iterable[Call]) -> list[Answer]:
    """The answers to all calls, sent in the same moment over open connections."""
    return together([call.connect().send for call in calls])


def statuses(answers: Iterable[Answer]) -> dict[int, int]:
    """How many answers there were of each status."""
    return dict(Counter(answer.status for answer in answers))
