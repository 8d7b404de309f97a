"""What every drill stands on: its size and databases, a service to send to, clients, figures, and the promises."""

import argparse
import http.client
import json
import secrets
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import psutil
import sqlalchemy as sa

from config import new_signing_key
from tests.bench.serving import running
from tests.races.conftest import PASSWORD
from tests.support.servers import DATABASES, ROOT, NotHere

SECRET_KEY = secrets.token_urlsafe(48)
UNANSWERED = 0  # the status of a request that got no answer
Size = TypeVar("Size")


class Report:
    """Prints figures as they come, and remembers which promises they break."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self._about = ""

    def about(self, what: str) -> None:
        """Begin a part, such as one database."""
        self._about = what
        print(f"\n{what}", flush=True)

    def figure(self, name: str, value: object) -> None:
        """One figure."""
        print(f"  {name:<58}{value!s:>24}", flush=True)

    def promise(self, name: str, value: object, kept: bool) -> None:
        """One figure that was promised; a broken promise ends the script with status 1."""
        print(f"  {name:<58}{value!s:>24}  {'kept' if kept else 'BROKEN'}", flush=True)
        if not kept:
            self.broken.append(f"{self._about}: {name}: {value}")


class Drill(Protocol[Size]):
    """One script's work on one database."""

    def __call__(self, kind: str, size: Size, report: Report) -> None:
        """Do it, and tell `report`."""


def run(drill: Drill[Size], *, says: str | None, full: Size, quick: Size, databases: Sequence[str] = DATABASES) -> None:
    """Run a drill on each database in the size that the command line asks for; exit with 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=says)
    parser.add_argument("--quick", action="store_true", help="a small size, by default on SQLite alone")
    parser.add_argument("--database", choices=databases, action="append", help="only this one; may be repeated")
    for name, usual in vars(full).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(usual), help=f"instead of {usual}")
    given = vars(parser.parse_args())
    is_quick, kinds = given.pop("quick"), given.pop("database")
    size = type(full)(**vars(quick if is_quick else full) | {name: value for name, value in given.items() if value})
    report, began = Report(), time.monotonic()
    for kind in kinds or (databases[:1] if is_quick else databases):
        report.about(kind)
        try:
            drill(kind, size, report)
        except NotHere as reason:
            print(f"  not here: {reason}")
    print(f"\n{time.monotonic() - began:.0f} s; {len(report.broken)} promises broken", *report.broken, sep="\n  ")
    sys.exit(1 if report.broken else 0)


@contextmanager
def service(url: str, **settings: object) -> Iterator[int]:
    """The port of `python run.py` in production on this database. Cheap hashes and no limits, unless told otherwise."""
    usual = {
        "APP_ENV": "production", "PUBLIC_URL": "https://drill.example", "SECRET_KEY": SECRET_KEY,
        "SIGNING_KEY": new_signing_key(), "DATABASE_URL": url, "BCRYPT_ROUNDS": "4", "HASH_SLOTS": "64",
        "WORKERS": "2", "RATELIMIT_ENABLED": "false", "MAIL_DELIVERER": "off", "MAIL_SERVER": "127.0.0.1",
        "TRUSTED_HOSTS": "127.0.0.1",
    }  # fmt: skip
    told = usual | {name.upper(): str(value) for name, value in settings.items()}
    with running(str(ROOT / "run.py"), **told) as served:
        yield served.port


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, when and after how many seconds."""

    status: int
    body: Any
    headers: dict[str, str]
    began: float
    seconds: float


class Client:
    """One keep-alive connection; opened anew when the other side has closed it."""

    def __init__(self, port: int, timeout: float = 30) -> None:
        self.port, self._timeout = port, timeout
        self.address = ""  # where the service's proxy says that we are
        self._connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: object = None, token: str = "") -> Reply:
        """The answer, or one of status `UNANSWERED`. Nothing is sent twice."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"X-Forwarded-For": self.address} if self.address else {}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        began, clock = time.monotonic(), time.perf_counter()
        try:
            self._connection = self._connection or self._connected()
            self._connection.request(method, path, content, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return Reply(UNANSWERED, None, {}, began, time.perf_counter() - clock)
        took = time.perf_counter() - clock
        parsed = json.loads(text) if text and "json" in answer.headers.get("Content-Type", "") else None
        if answer.will_close:
            self.close()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, parsed, headers, began, took)

    def api(self, method: str, path: str, body: object = None, token: str = "") -> Reply:
        """The same under /api/v1."""
        return self.send(method, f"/api/v1{path}", body, token)

    def _connected(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self._timeout)
        connection.connect()
        assert connection.sock is not None
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def credentials(email: str) -> dict[str, str]:
    """What someone of this address signs up and in with."""
    return {"email": email, "password": PASSWORD}


@dataclass
class Load:
    """Clients in threads, each of which calls `act(client, number)` over and over until told to stop."""

    port: int
    clients: int
    act: Callable[[Client, int], Sequence[Reply]]
    replies: list[Reply] = field(default_factory=list)

    @contextmanager
    def going(self) -> Iterator["Load"]:
        """Send as long as the block lasts."""
        stop, failed = threading.Event(), list[BaseException]()

        def work(number: int) -> None:
            client = Client(self.port)
            try:
                while not stop.is_set():
                    self.replies.extend(self.act(client, number))
            except BaseException as failure:
                failed.append(failure)
            finally:
                client.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        if failed:
            raise failed[0]


def percentile(values: Sequence[float], share: int) -> float:
    """The value that `share` percent do not exceed; NaN of nothing."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def ms(seconds: float) -> str:
    """Seconds as milliseconds in words."""
    return f"{1e3 * seconds:,.1f} ms"


def statuses(replies: Sequence[Reply]) -> str:
    """How many there were of each status, in words."""
    counted = sorted(Counter(reply.status for reply in replies).items())
    return ", ".join(f"{status or 'unanswered'}: {count}" for status, count in counted)


def mistakes(replies: Sequence[Reply]) -> int:
    """How many answers were a mistake of the service: 5xx, but for a 503 that says when to come back."""
    return sum(
        reply.status >= 500 and not (reply.status == 503 and int(reply.headers.get("retry-after", 0)) >= 1)
        for reply in replies
    )


def until(true: Callable[[], bool], seconds: float, pause: float = 0.05) -> float:
    """The seconds until something was true; infinite if it was not within `seconds`."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        if true():
            return time.monotonic() - began
        time.sleep(pause)
    return float("inf")


def ask(url: str, statement: str, **values: object) -> list[tuple[Any, ...]]:
    """The rows that a statement finds in the database; what it changes is committed."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        found = connection.execute(sa.text(statement), values)
        return [tuple(row) for row in found] if found.returns_rows else []


def servers() -> list[psutil.Process]:
    """Every process of the services that this script has started."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # some last but a moment
            if any(str(ROOT / "run.py") in each.cmdline() for each in (process, *process.parents())):
                found.append(process)
    return found


def resident() -> int:
    """The bytes of memory that these processes hold together."""
    return sum(process.memory_info().rss for process in servers())
