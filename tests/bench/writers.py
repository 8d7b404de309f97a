"""Writes beside each other: how long each takes with 1, 16, 64 and 256 writers, all in one moment.

bcrypt has its lowest cost here, because the time of a write without its hash is measured. Each writer has its own
connection and session, and sends a number of requests one after the other.
"""

import secrets
import selectors
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.load import REFRESH_TOKEN, raw

WRITERS: Final = (1, 16, 64, 256)
USUAL: Final = 16
REQUESTS: Final = 4_096  # of all writers of one row; a single one sends an eighth
PASSWORD: Final = "correct horse battery"
SETTINGS: Final = {"BCRYPT_ROUNDS": "4", "HASH_SLOTS": "64"}
Respond = Callable[[bytes], bytes | None]


@dataclass
class Writer:
    """One connection: its first request, and what follows on the body of each response; None ends it."""

    socket: socket.socket
    request: bytes | None
    respond: Respond
    sent_at: float = 0.0
    read: bytes = b""

    def send(self) -> None:
        """Send the next request."""
        self.sent_at, self.read = time.perf_counter(), b""
        self.socket.sendall(self.request or b"")

    def receive(self) -> int:
        """The status once the response is complete; until then 0."""
        part = self.socket.recv(65_536)
        if not part:
            raise ConnectionError("the service closed a connection")
        self.read += part
        head, _, body = self.read.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        if b"\r\n\r\n" not in self.read or len(body) < int(length or 0):
            return 0
        self.request = self.respond(body)
        return int(head[9:12])


@dataclass
class Times:
    """What the writers saw: milliseconds of each request, refused requests, and seconds of all together."""

    milliseconds: list[float] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0

    def line(self, name: str) -> str:
        """A row of the table."""
        cuts = statistics.quantiles(self.milliseconds, n=100)
        rate = (len(self.milliseconds) - self.refused) / self.seconds
        refused = f"   {self.refused} refused" if self.refused else ""
        return f"{name:32}{rate:12,.1f}{cuts[49]:10.2f}{cuts[98]:10.2f}{max(self.milliseconds):10.2f}{refused}"


def send_all(port: int, starts: Sequence[tuple[bytes, Respond]]) -> Times:
    """Let a writer for each start send its requests, all at the same time."""
    times = Times()
    writers = [Writer(socket.create_connection(("127.0.0.1", port), 60), *start) for start in starts]
    with selectors.DefaultSelector() as ready:
        began = time.perf_counter()
        for writer in writers:
            ready.register(writer.socket, selectors.EVENT_READ, writer)
            writer.send()
        while ready.get_map():
            for key, _ in ready.select():
                if status := key.data.receive():
                    times.milliseconds.append(1e3 * (time.perf_counter() - key.data.sent_at))
                    times.refused += status >= 400
                    if key.data.request is None:
                        ready.unregister(key.data.socket)
                    else:
                        key.data.send()
        times.seconds = time.perf_counter() - began
    for writer in writers:
        writer.socket.close()
    return times


def in_turn(requests: Sequence[bytes]) -> tuple[bytes, Respond]:
    """These requests, whatever the responses are."""
    rest = iter(requests)
    return next(rest), lambda _body: next(rest, None)


def refreshes(token: str, times: int) -> tuple[bytes, Respond]:
    """So many refreshes, each with the token that the one before returned."""
    left = iter(range(times - 1))

    def respond(body: bytes) -> bytes | None:
        found = REFRESH_TOKEN.search(body)
        return refresh(found[1].decode()) if found and next(left, None) is not None else None

    return refresh(token), respond


def refresh(token: str) -> bytes:
    """A request to refresh."""
    return raw("POST", "/api/v1/auth/refresh", token=token)


def sign_ups(count: int) -> list[bytes]:
    """Requests to sign up, with different addresses."""
    people = [{"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD} for _ in range(count)]
    return [raw("POST", "/api/v1/auth/signup", person) for person in people]


def tokens(port: int, count: int) -> list[str]:
    """Refresh tokens of so many new accounts."""
    found: list[str] = []

    def respond(body: bytes) -> None:
        if token := REFRESH_TOKEN.search(body):
            found.append(token[1].decode())

    for begin in range(0, count, USUAL):
        send_all(port, [(request, respond) for request in sign_ups(min(USUAL, count - begin))])
    return found


def table(port: int) -> Iterator[str]:
    """The rows of all writes."""
    yield f"\n{'Writes, bcrypt cost 4':32}{'per second':>12}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}"
    for writers in WRITERS:
        each = REQUESTS // max(writers, 8)
        starts = [refreshes(token, each) for token in tokens(port, writers)]
        yield send_all(port, starts).line(f"refresh, writers: {writers}")
    each = REQUESTS // USUAL // 4
    forgot = [raw("POST", "/api/v1/forgot-password", {"email": "nobody@example.com"})] * 4 * each
    yield send_all(port, [in_turn(forgot) for _ in range(USUAL)]).line(f"forgot-password, writers: {USUAL}")
    yield send_all(port, [in_turn(sign_ups(each)) for _ in range(USUAL)]).line(f"sign-up, writers: {USUAL}")
    sessions = tokens(port, USUAL * each)
    ends = [[log_out(token) for token in sessions[number::USUAL]] for number in range(USUAL)]
    yield send_all(port, [in_turn(each) for each in ends]).line(f"log out, writers: {USUAL}")


def log_out(token: str) -> bytes:
    """A request to end the session of a refresh token."""
    return raw("POST", "/api/v1/auth/logout", {"refresh_token": token})
