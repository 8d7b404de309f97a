"""A flood of requests that are too large, beside people who sign in: each is refused soon."""

import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from tests.faults import drill
from tests.faults.drill import Client, Load, Reply, Report, ms, percentile, statuses
from tests.support.servers import new_database

BODY = b"a" * 70_000
LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
FLOODS = {
    413: LOGIN + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
    431: LOGIN + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
}  # fmt: skip
SLOWEST = 0.25  # p95


@dataclass(frozen=True)
class Size:
    """Clients that flood, for each kind of refusal; people who sign in; and seconds."""

    clients: int
    people: int
    seconds: int


def refused(port: int, request: bytes) -> Reply:
    """What a request is answered with, on a connection of its own; it need not be read to its end."""
    began, clock = time.monotonic(), time.perf_counter()
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), 30) as connection:
        with suppress(ConnectionError):
            connection.sendall(request)
        if answer := connection.recv(65_536):
            return Reply(int(answer[9:12]), None, {}, began, time.perf_counter() - clock)
    return Reply(drill.UNANSWERED, None, {}, began, time.perf_counter() - clock)


def sign_in(client: Client, _number: int) -> Sequence[Reply]:
    """Sign in; after a refusal wait a moment."""
    reply = client.api("POST", "/auth/login", drill.credentials("owner@example.com"))
    time.sleep(0.2 * (reply.status != 200))
    return [reply]


def refusals(kind: str, size: Size, report: Report) -> None:
    """Both kinds of floods at once, with real hashes."""
    with new_database(kind) as url, drill.service(url, bcrypt_rounds=12, hash_slots=2) as port, ExitStack() as loads:
        Client(port).api("POST", "/auth/signup", drill.credentials("owner@example.com"))
        people = loads.enter_context(Load(port, size.people, sign_in).going())
        floods = {
            status: loads.enter_context(
                Load(port, size.clients, lambda *_, request=request: [refused(port, request)]).going()
            )
            for status, request in FLOODS.items()
        }
        time.sleep(size.seconds)
    report.figure("sign-ins", statuses(people.replies))
    for status, flood in floods.items():
        others = [reply for reply in flood.replies if reply.status != status]
        report.promise(f"{status}: answers", statuses(flood.replies), not others)
        p95 = percentile([reply.seconds for reply in flood.replies], 95)
        report.promise(f"{status}: p95 (<= {ms(SLOWEST)})", ms(p95), p95 <= SLOWEST)


if __name__ == "__main__":
    drill.run(refusals, says=__doc__, full=Size(64, 16, 20), quick=Size(64, 16, 4), databases=["sqlite"])
