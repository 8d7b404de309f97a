"""Bursts of 256 connections that all ask in the same moment: nobody gets a 503 while the database is well."""

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from tests.bench.load import raw
from tests.faults import drill
from tests.faults.databases import server_of
from tests.faults.drill import Client, Reply, Report, ms, percentile, statuses
from tests.support.servers import DRIVERS

ACCOUNTS = 32
MOST_CONNECTIONS = 64  # of two workers, as docs/operations.md says
COUNTED = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = 'latchkey' AND pid <> pg_backend_pid()",
    "mariadb": "SELECT count(*) - 1 FROM information_schema.processlist WHERE db = 'latchkey'",
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """Connections, and bursts of each kind of request."""

    connections: int
    bursts: int


@dataclass
class Person:
    """One session of an account that several share."""

    account_id: str
    access: str
    refresh: str


class Crowd:
    """So many kept connections, over which everybody sends in the same moment."""

    def __init__(self, port: int, connections: int) -> None:
        self._stack = ExitStack()
        self.sockets = [
            self._stack.enter_context(socket.create_connection(("127.0.0.1", port), 60)) for _ in range(connections)
        ]

    def burst(self, requests: Sequence[bytes]) -> list[Reply]:
        """Send request n over connection n, and read every answer."""
        began, clock = time.monotonic(), time.perf_counter()
        for connection, request in zip(self.sockets, requests, strict=True):
            connection.sendall(request)
        answers = map(read_answer, self.sockets)
        return [Reply(status, body, {}, began, time.perf_counter() - clock) for status, body in answers]

    def close(self) -> None:
        """Hang up."""
        self._stack.close()


def read_answer(connection: socket.socket) -> tuple[int, Any]:
    """The status and the JSON of one answer, read to its end."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (part := connection.recv(65_536)):
            return drill.UNANSWERED, None
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return int(head[9:12]), json.loads(body) if body else None


@dataclass
class Connections:
    """The most connections to the database that were seen at once, counted twenty times a second in a thread."""

    kind: str
    url: str
    most: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """As long as the block lasts."""
        thread = threading.Thread(target=self._count)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _count(self) -> None:
        if self.kind not in COUNTED:
            return
        engine = sa.create_engine(sa.make_url(self.url).set(drivername=DRIVERS[self.kind]), poolclass=sa.NullPool)
        with engine.connect() as connection:
            while not self._stop.wait(0.05):
                self.most = max(self.most, connection.scalar(sa.text(COUNTED[self.kind])) or 0)
                connection.rollback()


def people(port: int, url: str, count: int) -> list[Person]:
    """Sessions of accounts that all are administrators, so that each may change any."""
    client = Client(port)
    emails = [f"person{number}@example.com" for number in range(ACCOUNTS)]
    for email in emails:
        assert client.api("POST", "/auth/signup", drill.credentials(email)).status == 201
    drill.ask(url, "UPDATE accounts SET roles = 'admin'")
    ids = dict(drill.ask(url, "SELECT email_canonical, id FROM accounts"))
    logins = [client.api("POST", "/auth/login", drill.credentials(emails[n % ACCOUNTS])).body for n in range(count)]
    client.close()
    return [
        Person(ids[emails[n % ACCOUNTS]], each["access_token"], each["refresh_token"]) for n, each in enumerate(logins)
    ]


def look(person: Person, _other: Person, _burst: int) -> bytes:
    """One statement, which reads."""
    return raw("GET", "/api/v1/account", token=person.access)


def refresh(person: Person, _other: Person, _burst: int) -> bytes:
    """One statement that reads, and one that writes."""
    return raw("POST", "/api/v1/auth/refresh", token=person.refresh)


def rename(person: Person, _other: Person, burst: int) -> bytes:
    """A unit of work that writes a row which several write."""
    return raw("PATCH", "/api/v1/account", {"first_name": f"Ann {burst} {person.access[-9:]}"}, token=person.access)


def change_roles(person: Person, other: Person, burst: int) -> bytes:
    """A unit of work that holds the rows of all administrators."""
    roles = ["admin", "editor"][: 1 + burst % 2]
    return raw("PUT", f"/api/v1/admin/users/{other.account_id}/roles", {"roles": roles}, token=person.access)


ACTS = (look, refresh, rename, change_roles)


def bursts(kind: str, size: Size, report: Report) -> None:
    """So many bursts of each kind of request."""
    with ExitStack() as stack:
        if kind == "sqlite":
            url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/latchkey.db"
        else:
            _, url = stack.enter_context(server_of(kind))
        port = stack.enter_context(drill.service(url))
        everybody, connections = people(port, url, size.connections), Connections(kind, url)
        others = [*everybody[1:], everybody[0]]
        crowd = Crowd(port, size.connections)
        stack.callback(crowd.close)
        with connections.counted():
            for act in ACTS:
                replies: list[Reply] = []
                for burst in range(size.bursts):
                    came = crowd.burst([act(*pair, burst) for pair in zip(everybody, others, strict=True)])
                    for person, reply in zip(everybody, came, strict=True):
                        if reply.status == 200 and "refresh_token" in reply.body:
                            person.access, person.refresh = reply.body["access_token"], reply.body["refresh_token"]
                    replies += came
                tell(act.__name__, replies, report)
    if kind in COUNTED:
        name = f"connections to the database (<= {MOST_CONNECTIONS})"
        report.promise(name, connections.most, 0 < connections.most <= MOST_CONNECTIONS)


def tell(name: str, replies: Sequence[Reply], report: Report) -> None:
    """What the clients of one kind of request saw."""
    seconds = [reply.seconds for reply in replies]
    good = all(reply.status in (200, 204) for reply in replies)
    report.promise(f"{name}: answers", statuses(replies), good)
    report.figure(f"{name}: p50, p99", f"{ms(percentile(seconds, 50))}, {ms(percentile(seconds, 99))}")


if __name__ == "__main__":
    drill.run(bursts, says=__doc__, full=Size(256, 20), quick=Size(256, 4))
