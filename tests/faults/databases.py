"""The database is killed and started again, or falls silent, or its disk is full: 503 soon, and nothing kept is lost.

Clients sign in, refresh, look at accounts and open new ones all the while; when they are sent away they pause a moment.
"""

import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psutil
import sqlalchemy as sa

from tests.faults import drill
from tests.faults.drill import Client, Load, Reply, Report, statuses
from tests.support.servers import DRIVERS, NotHere, OwnMariaDB, OwnPostgres, OwnServer, is_root

TIMEOUT = 2  # seconds within which a client is told
BACK = 5  # seconds after its return, by which everything works
SMALL_DISK = "8m"
_numbers = count(1)


@dataclass(frozen=True)
class Size:
    """Clients, seconds of quiet before and after a fault, seconds of the fault, and faults of each kind."""

    clients: int
    quiet: float
    away: float
    times: int


@dataclass
class Kept:
    """What the service said yes to: accounts by their addresses, sessions by their newest refresh tokens."""

    accounts: set[str] = field(default_factory=set)
    sessions: dict[int, str] = field(default_factory=dict)

    def act(self, client: Client, number: int) -> Sequence[Reply]:
        """One client's life: in, round about, and somebody new."""
        email = f"guest{next(_numbers)}@example.com"
        calls: list[Callable[[], Reply]] = [
            lambda: client.api("POST", "/auth/login", drill.credentials("owner@example.com")),
            lambda: client.api("POST", "/auth/refresh", token=tokens.get("refresh_token", "")),
            lambda: client.api("GET", "/account", token=tokens.get("access_token", "")),
            lambda: client.api("POST", "/auth/signup", drill.credentials(email)),
        ]
        tokens: dict[str, str] = {}
        replies: list[Reply] = []
        for place, call in enumerate(calls):
            replies.append(reply := call())
            if reply.status not in (200, 201):
                time.sleep(0.1)
                break
            tokens = tokens if place == 2 else reply.body
        else:
            self.accounts.add(email)
            self.sessions[next(_numbers)] = tokens["refresh_token"]
        return replies

    def lost(self, port: int) -> list[str]:
        """Which of it is not there."""
        client = Client(port)
        again = {email: client.api("POST", "/auth/login", drill.credentials(email)) for email in self.accounts}
        again |= {token: client.api("POST", "/auth/refresh", token=token) for token in self.sessions.values()}
        client.close()
        return [what for what, reply in again.items() if reply.status != 200]


@dataclass
class Looks:
    """What the health routes say, five times a second, in a thread."""

    port: int
    replies: dict[str, list[Reply]] = field(default_factory=lambda: {"/healthz": [], "/readyz": []})

    @contextmanager
    def going(self) -> Iterator[None]:
        """As long as the block lasts."""
        stop = threading.Event()

        def look() -> None:
            client = Client(self.port)
            while not stop.wait(0.2):
                for path, replies in self.replies.items():
                    replies.append(client.send("GET", path))
            client.close()

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def between(self, path: str, began: float, ended: float) -> set[int]:
        """The statuses of requests that were begun and answered within a time."""
        return {r.status for r in self.replies[path] if r.began >= began and r.began + r.seconds <= ended}


def family(server: OwnServer) -> list[psutil.Process]:
    """Every process of a database server."""
    main = psutil.Process(server.process.pid)
    return [main, *main.children(recursive=True)]


@contextmanager
def killed(server: OwnServer) -> Iterator[None]:
    """Killed; started again at the end."""
    processes = family(server)
    for process in processes:
        process.kill()
    server.process.wait()
    psutil.wait_procs(processes, timeout=5)
    yield
    server.again()


@contextmanager
def silent(server: OwnServer) -> Iterator[None]:
    """Stopped in the midst of everything: connections stay open, and nobody answers."""
    processes = family(server)
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def endure(
    name: str, fault: Callable[[OwnServer], object], server: OwnServer, port: int, size: Size, report: Report
) -> None:
    """One fault, under load."""
    kept, looks, before = Kept(), Looks(port), {process.pid for process in drill.servers()}
    with Load(port, size.clients, kept.act).going() as load, looks.going():
        time.sleep(size.quiet)
        with fault(server):  # type: ignore[attr-defined]
            began = time.monotonic()
            time.sleep(size.away)
            ended = time.monotonic()
        back = time.monotonic()
        time.sleep(BACK + size.quiet)
    tell(name, load.replies, (began, ended, back), report)
    # The first half second is the time in which a request may still have a connection, and its answer.
    for path, wanted in (("/healthz", {200}), ("/readyz", {503})):
        found = looks.between(path, began + 0.5, ended)
        report.promise(f"{name}: {path} meanwhile", found, found == wanted)
    report.promise(f"{name}: processes that were replaced", *same({p.pid for p in drill.servers()}, before))
    lost = kept.lost(port)
    total = len(kept.accounts) + len(kept.sessions)
    report.promise(f"{name}: accounts and sessions lost", f"{len(lost)} of {total:,}", not lost)


def same(now: set[int], before: set[int]) -> tuple[int, bool]:
    """How many are other than before, and whether none is."""
    return len(now - before), now == before


def tell(name: str, replies: Sequence[Reply], times: tuple[float, float, float], report: Report) -> None:
    """What the clients saw."""
    began, ended, back = times
    meanwhile = [reply for reply in replies if began <= reply.began <= ended]
    refused = [reply for reply in replies if reply.status == 503]
    report.figure(f"{name}: answers", statuses(replies))
    wrong = sum(reply.status not in (200, 201, 503) for reply in replies) + drill.mistakes(replies)
    report.promise(f"{name}: answers that were mistakes", wrong, wrong == 0)
    slowest = max((reply.seconds for reply in (*meanwhile, *refused)), default=0.0)
    report.promise(f"{name}: slowest answer meanwhile (<= {TIMEOUT} s)", f"{slowest:.2f} s", slowest <= TIMEOUT)
    report.promise(f"{name}: sent away meanwhile", len(refused), bool(refused))
    after = [reply.began + reply.seconds - back for reply in replies if reply.status not in (200, 201)]
    last = max([0.0, *after])
    report.promise(f"{name}: works again after (<= {BACK} s)", f"{last:.2f} s", last <= BACK)


@contextmanager
def server_of(kind: str) -> Iterator[tuple[OwnServer, str]]:
    """A database server of our own, to do with as we like, and the URL of an empty database in it."""
    server = OwnPostgres() if kind == "postgresql" else OwnMariaDB()
    with server as given:
        url = sa.make_url(given).set(drivername=DRIVERS[kind])
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text("CREATE DATABASE latchkey"))
        if kind == "mariadb":  # PyMySQL would read all CA certificates for each connection
            url = url.update_query_dict({"ssl_disabled": "true"})
        yield server, url.set(database="latchkey").render_as_string(hide_password=False)


def sign_up_the_owner(port: int) -> str:
    """The account that everybody signs in to; its access token."""
    client = Client(port)
    reply = client.api("POST", "/auth/signup", drill.credentials("owner@example.com"))
    client.close()
    assert reply.status == 201, reply
    return str(reply.body["access_token"])


@contextmanager
def small_disk() -> Iterator[Path]:
    """A folder on a disk that is soon full."""
    if not is_root():
        raise NotHere("only root can make a disk that is soon full")
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", folder], capture_output=True
        )
        if made.returncode:
            raise NotHere(f"no disk that is soon full: {made.stderr.decode().strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def full_disk(size: Size, report: Report) -> None:
    """SQLite on a full disk: who only reads goes on, who writes is sent away, until there is room again."""
    with small_disk() as folder, drill.service(f"sqlite:///{folder / 'latchkey.db'}") as port:
        token, client, junk = sign_up_the_owner(port), Client(port), folder / "junk"
        with suppress(OSError), junk.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        reads = [client.api("GET", "/account", token=token) for _ in range(100)]
        writes = [client.api("POST", "/auth/signup", drill.credentials(f"full{n}@example.com")) for n in range(100)]
        junk.unlink()
        after = [client.api("POST", "/auth/signup", drill.credentials(f"room{n}@example.com")) for n in range(20)]
        client.close()
        files = {path.name: path.stat().st_size for path in folder.iterdir()}
    report.promise("full disk: reading", statuses(reads), {reply.status for reply in reads} == {200})
    allowed = {201, 503} if any(reply.status == 201 for reply in writes[:20]) else {503}  # room left in the WAL
    report.promise("full disk: writing", statuses(writes), {reply.status for reply in writes} <= allowed)
    report.promise("full disk: the last to write was sent away", writes[-1].status, writes[-1].status == 503)
    report.promise("full disk: mistakes", drill.mistakes(writes), drill.mistakes(writes) == 0)
    report.promise("room again: writing", statuses(after), {reply.status for reply in after} == {201})
    report.figure("files", files)


def databases(kind: str, size: Size, report: Report) -> None:
    """Each fault on one kind of database."""
    if kind == "sqlite":
        full_disk(size, report)
        return
    with server_of(kind) as (server, url), drill.service(url) as port:
        sign_up_the_owner(port)
        for _ in range(size.times):
            endure("killed", killed, server, port, size, report)
            endure("silent", silent, server, port, size, report)


if __name__ == "__main__":
    drill.run(databases, says=__doc__, full=Size(8, 3, 10, 2), quick=Size(8, 0.5, 4, 1))
