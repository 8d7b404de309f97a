"""Connections that stop in the midst of a body or of headers: others are answered meanwhile, and each is given up."""

import selectors
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.faults import drill
from tests.faults.drill import Client, Reply, Report, ms, percentile, statuses

LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LOOK = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
# What each kind of slow client sends, and what it sends every second from then on.
KINDS = {
    "a body of 60 bytes of which 10 come": (LOGIN + b'Content-Length: 60\r\n\r\n{"email": ', b""),
    "a body that comes byte by byte": (LOGIN + b"Content-Length: 60000\r\n\r\n{", b" "),
    "a chunk that does not end": (LOGIN + b"Transfer-Encoding: chunked\r\n\r\n10\r\n{", b""),
    "a body for a route that reads none": (LOOK + b"Content-Length: 60\r\n\r\n{", b""),
    "headers that do not end": (LOGIN, b""),
    "headers that come byte by byte": (LOGIN + b"X: ", b"a"),
    "nothing": (b"", b""),
    "nothing after one answer": (LOOK + b"\r\n", b""),
}  # fmt: skip
MOST_SECONDS = 15  # until a slow connection is given up
SLOWEST = 0.25  # p95 of what others wait for an answer


@dataclass(frozen=True)
class Size:
    """Slow connections of each kind, and seconds for which others are watched."""

    connections: int
    seconds: int


class SlowCrowd:
    """So many connections that all send the same and then stop."""

    def __init__(self, port: int, count: int, beginning: bytes, rest: bytes) -> None:
        self._rest, self.given_up = rest, list[float]()
        self._waiting = selectors.DefaultSelector()
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), 30)
            connection.sendall(beginning)
            connection.setblocking(False)
            self._waiting.register(connection, selectors.EVENT_READ)
        self._began = time.monotonic()

    def __len__(self) -> int:
        return len(self._waiting.get_map())

    def go_on(self) -> None:
        """Send the next byte, and notice who was hung up on."""
        for key, _ in self._waiting.select(0):
            if not received(key.fileobj):  # type: ignore[arg-type]
                self._waiting.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
                self.given_up.append(time.monotonic() - self._began)
        for key in list(self._waiting.get_map().values()) if self._rest else ():
            with_no_error(key.fileobj, self._rest)  # type: ignore[arg-type]

    def close(self) -> None:
        """Hang up."""
        for key in list(self._waiting.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._waiting.close()


def received(connection: socket.socket) -> bytes:
    """What came; nothing if the other side has hung up."""
    try:
        return connection.recv(65_536)
    except ConnectionError:
        return b""


def with_no_error(connection: socket.socket, part: bytes) -> None:
    """Send a part to somebody who may have hung up."""
    try:
        connection.send(part)
    except OSError:
        pass


@contextmanager
def slow(port: int, count: int, kind: str) -> Iterator[SlowCrowd]:
    """Slow connections of a kind."""
    crowd = SlowCrowd(port, count, *KINDS[kind])
    try:
        yield crowd
    finally:
        crowd.close()


def watch(port: int, token: str, crowd: SlowCrowd, seconds: int) -> list[Reply]:
    """What others get meanwhile: one that looks, one that sends a small body; each on connections of its own."""
    replies: list[Reply] = []
    end, second = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < end:
        client = Client(port, timeout=5)
        replies.append(client.api("GET", "/account", token=token))
        replies.append(client.api("PATCH", "/account", {"first_name": "Ann"}, token))
        client.close()
        if time.monotonic() > second:
            crowd.go_on()
            second += 1
        time.sleep(0.02)
    return replies


def slow_clients(kind: str, size: Size, report: Report) -> None:
    """Every kind of slow client, beside others."""
    with tempfile.TemporaryDirectory() as folder, drill.service(f"sqlite:///{folder}/latchkey.db") as port:
        client = Client(port)
        token = client.api("POST", "/auth/signup", drill.credentials("owner@example.com")).body["access_token"]
        client.close()
        for name in KINDS:
            report.about(f"{size.connections} connections: {name}")
            with slow(port, size.connections, name) as crowd:
                tell(watch(port, token, crowd, size.seconds), report)
                until = time.monotonic() + MOST_SECONDS
                while len(crowd) and time.monotonic() < until:
                    crowd.go_on()
                    time.sleep(1)
                last = max(crowd.given_up, default=0.0)
                given_up = f"{len(crowd.given_up)} of {size.connections}, the last after {last:.1f} s"
                report.promise("given up", given_up, not len(crowd))


def tell(replies: Sequence[Reply], report: Report) -> None:
    """What others got."""
    seconds = [reply.seconds for reply in replies]
    good = all(reply.status == 200 for reply in replies)
    report.promise("answers to others", statuses(replies), good)
    p95 = percentile(seconds, 95)
    report.promise(f"p95 (<= {ms(SLOWEST)})", ms(p95), p95 <= SLOWEST)


if __name__ == "__main__":
    drill.run(slow_clients, says=__doc__, full=Size(1_000, 5), quick=Size(200, 3), databases=["sqlite"])
