"""A hundred thousand requests of every usual kind: memory and tables do not grow with them, and nothing fails.

Each client lives one life after another: sign up, look, refresh, forget the password, sign in, sign out, sign in, say
farewell for good. Housekeeping runs all the while by a clock a month ahead: what is over is gone at once.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from app import create_app
from app.core.clock import Clock
from config import load
from tests.conftest import AuthInContext
from tests.faults import drill
from tests.faults.drill import Client, Reply, Report, statuses
from tests.support.apps import close
from tests.support.ports import unused_port
from tests.support.servers import new_database
from tests.support.smtp import FakeSmtpServer

MOST_SLOPE = 1_000_000  # bytes of resident memory for each 10,000 requests
FEW = 100  # rows; beneath that their number is chance
TABLES = ("accounts", "sessions", "outbox", "email_actions", "audit_events")
KEPT_FOR_GOOD = {"audit_events"}
LIFETIMES = {
    "jwt_access_token_expires": 20, "jwt_refresh_token_expires": 30, "session_lifetime": 60, "refresh_grace_seconds": 1
}  # fmt: skip
_numbers = count(1)


@dataclass(frozen=True)
class Size:
    """Requests, clients that send them, and how often memory and tables are looked at."""

    requests: int
    clients: int
    looks: int


class MonthAhead(Clock):
    """The clock of whoever cleans up: what ended a moment ago ended longer ago than anything is kept."""

    def now(self) -> datetime:
        """Thirty days from now."""
        return super().now() + timedelta(days=30)


def life(client: Client, _number: int) -> Sequence[Reply]:
    """Everything that somebody usually does, once."""
    who = drill.credentials(f"mayfly{next(_numbers)}@example.com")
    replies: list[Reply] = []

    def call(method: str, path: str, body: object = None, token: str = "") -> dict[str, str]:
        replies.append(reply := client.api(method, path, body, token))
        return reply.body if isinstance(reply.body, dict) else {}

    first = call("POST", "/auth/signup", who)
    call("GET", "/account", token=first.get("access_token", ""))
    second = call("POST", "/auth/refresh", token=first.get("refresh_token", ""))
    call("GET", "/account", token=second.get("access_token", ""))
    call("POST", "/forgot-password", {"email": who["email"]})
    third = call("POST", "/auth/login", who)
    call("GET", "/account", token=third.get("access_token", ""))
    call("POST", "/auth/logout", token=third.get("access_token", ""))
    last = call("POST", "/auth/login", who)
    call("DELETE", "/account", {"password": who["password"]}, last.get("access_token", ""))
    return replies


@contextmanager
def housekeeping(url: str, report: Report) -> Iterator[None]:
    """Clean up every second for as long as the block lasts."""
    stop, failures = threading.Event(), 0
    with TemporaryDirectory() as folder:
        settings = load(
            {}, app_env="testing", instance_path=Path(folder), database_url=url, bcrypt_rounds=4,
            secret_key=drill.SECRET_KEY,  # with another one the journal would seem forged
        )  # fmt: skip
        app = create_app(settings, clock=MonthAhead())
        door = AuthInContext(app)

        def work() -> None:
            nonlocal failures
            while not stop.wait(1):
                try:
                    door.cleanup.run()
                except Exception as failure:
                    failures += 1
                    print(f"  housekeeping: {failure!r}")

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            close(app)
    report.promise("housekeeping that failed", failures, failures == 0)


@dataclass(frozen=True)
class Look:
    """What there was after so many requests."""

    requests: int
    memory: int
    rows: dict[str, int]


def look(url: str, replies: Sequence[Reply]) -> Look:
    """How much there is now."""
    rows = {table: int(drill.ask(url, f"SELECT count(*) FROM {table}")[0][0]) for table in TABLES}
    return Look(len(replies), drill.resident(), rows)


def slope(looks: Sequence[Look], of: Callable[[Look], int]) -> float:
    """How much something grows with each 10,000 requests, after the first quarter, in which caches fill."""
    late = looks[len(looks) // 4 :]
    found = statistics.linear_regression([each.requests for each in late], [of(each) for each in late])
    return 10_000 * found.slope


def soak(kind: str, size: Size, report: Report) -> None:
    """Live, look, and see what grows."""
    smtp_server, looks = FakeSmtpServer(port=unused_port()), list[Look]()
    settings = {"mail_port": smtp_server.port, "mail_deliverer": "thread", "deletion_grace_days": 0, **LIFETIMES}
    with new_database(kind) as url, smtp_server.open(), drill.service(url, **settings) as port:
        before, began = {process.pid for process in drill.servers()}, time.monotonic()
        with housekeeping(url, report), drill.Load(port, size.clients, life).going() as load:
            for number in range(1, size.looks + 1):
                drill.until(lambda due=number: len(load.replies) >= size.requests * due / size.looks, 3_600)
                looks.append(look(url, load.replies))
                smtp_server.messages.clear()
        report.figure("requests", f"{len(load.replies):,} in {time.monotonic() - began:.0f} s")
        replaced = {process.pid for process in drill.servers()} - before
    tell(load.replies, looks, replaced, report)


def tell(replies: Sequence[Reply], looks: Sequence[Look], replaced: set[int], report: Report) -> None:
    """The figures."""
    report.figure("answers", statuses(replies))
    wrong = sum(not 200 <= reply.status < 300 for reply in replies)
    report.promise("answers that were no yes", wrong, wrong == 0)
    report.promise("processes that were replaced", len(replaced), not replaced)
    grown = slope(looks, lambda each: each.memory)
    report.figure("memory, first and last", f"{looks[0].memory / 1e6:.1f}, {looks[-1].memory / 1e6:.1f} MB")
    if len(replies) >= 50_000:
        report.promise("memory by 10,000 requests (< 1 MB)", f"{grown / 1e6:.2f} MB", grown < MOST_SLOPE)
    else:  # caches still fill
        report.figure("memory by 10,000 requests", f"{grown / 1e6:.2f} MB")
    for table in TABLES:
        counts = [each.rows[table] for each in looks]
        said = f"{table}: rows at first, at most, at last", f"{counts[0]:,}, {max(counts):,}, {counts[-1]:,}"
        if table in KEPT_FOR_GOOD:
            report.figure(*said)
        else:
            bounded = max(counts[len(counts) // 2 :]) <= 2 * max(counts[: len(counts) // 2]) + FEW
            report.promise(*said, bounded)


if __name__ == "__main__":
    drill.run(soak, says=__doc__, full=Size(100_000, 4, 40), quick=Size(1_500, 4, 6))
