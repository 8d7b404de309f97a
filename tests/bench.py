"""`make bench`: how fast the main routes answer, beside a bare Flask route on the same kind of server in the same run.

The service runs as `python run.py` with production settings, on loopback and in a temporary folder. `DATABASE_URL` may
name an empty database, which is emptied again; without it the bench uses SQLite. Load comes from `wrk` where it is
installed, else from plain sockets in Python. Read the ratios: client and server share the machine.
"""

import argparse
import http.client
import json
import os
import re
import secrets
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import sqlalchemy as sa
from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces

from config import load, new_signing_key

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
WORKERS, THREADS, COST = 2, 32, 12
MANY, FEW = 16, 4
SIGNING_IN = 8  # at once: no more than one worker takes on, so that none is refused
PASSWORD = "correct horse battery"
REFRESH_TOKEN = re.compile(rb'"refresh_token":"([^"]+)"')

# Each thread sends the request in its own file, over and over; to rotate, it puts in the token that it was just given.
WRK_SCRIPT = r"""
local threads = 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end
function init(args)
  raw = io.open(args[1] .. "/" .. number, "rb"):read("*a")
  if args[2] == "rotate" then
    response = function(status, headers, body)
      local token = body:match('"refresh_token":"([^"]+)"')
      if token then raw = raw:gsub("Bearer [^\r]+", "Bearer " .. token) end
    end
  end
end
function request() return raw end
function done(summary, latency)
  local answered, refused, seconds = summary.requests, summary.errors.status, summary.duration / 1e6
  print(string.format("\nRESULT %f %f %f %f", (answered - refused) / seconds, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, refused / seconds))
end
"""


@dataclass(frozen=True)
class Shots:
    """Requests to send over keep-alive connections; connection n repeats request n, or all of them the only one."""

    port: int
    requests: Sequence[bytes]
    connections: int
    rotate: bool = False


@dataclass(frozen=True)
class Sample:
    """What one window showed: per second answered well and refused, and milliseconds."""

    rate: float
    p50: float
    p99: float
    refused: float


def with_wrk(shots: Shots, seconds: int) -> Sample:
    """Measure with wrk: one thread for each different request."""
    with tempfile.TemporaryDirectory() as folder:
        for number, request in enumerate(shots.requests):
            Path(folder, str(number)).write_bytes(request)
        script = Path(folder, "script.lua")
        script.write_text(WRK_SCRIPT)
        command = ["wrk", f"-t{len(shots.requests)}", f"-c{shots.connections}", f"-d{seconds}s", "--timeout", "60s"]
        command += ["-s", str(script), f"http://127.0.0.1:{shots.port}", "--", folder, "rotate" * shots.rotate]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Sample(*map(float, printed.partition("RESULT ")[2].split()))


def with_sockets(shots: Shots, seconds: int) -> Sample:
    """Measure with plain sockets, all in one thread."""
    clients = [Client(shots, number) for number in range(shots.connections)]
    times: list[float] = []
    refused = 0
    with selectors.DefaultSelector() as ready:
        for client in clients:
            ready.register(client.socket, selectors.EVENT_READ, client)
            client.send()
        start = time.perf_counter()
        while time.perf_counter() < start + seconds:
            for key, _ in ready.select(0.1):
                status = key.data.receive()
                if status:
                    refused += status >= 400
                    times.append(time.perf_counter() - key.data.sent_at)
                    key.data.send()
    for client in clients:
        client.socket.close()
    cuts = statistics.quantiles([1e3 * each for each in times], n=100) if len(times) > 1 else [0.0] * 99
    return Sample((len(times) - refused) / seconds, cuts[49], cuts[98], refused / seconds)


class Client:
    """One keep-alive connection that sends its request again and again."""

    def __init__(self, shots: Shots, number: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", shots.port))
        self._request, self._rotate = shots.requests[number % len(shots.requests)], shots.rotate
        self._read = b""
        self.sent_at = 0.0

    def send(self) -> None:
        """Send the request."""
        self.sent_at, self._read = time.perf_counter(), b""
        self.socket.sendall(self._request)

    def receive(self) -> int:
        """The status of the answer, once it is whole; until then 0."""
        self._read += self.socket.recv(65_536)
        head, _, body = self._read.partition(b"\r\n\r\n")
        if len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 1):
            return 0
        if self._rotate and (token := REFRESH_TOKEN.search(body)):
            self._request = re.sub(rb"Bearer [^\r]+", b"Bearer " + token[1], self._request)
        return int(head[9:12])


LOAD: Callable[[Shots, int], Sample] = with_wrk if shutil.which("wrk") else with_sockets


def bare_app() -> Flask:
    """A Flask app that does next to nothing."""
    app = Flask("bare")

    @app.get("/")
    def nothing() -> dict[str, str]:
        return {}

    return app


def serve_bare() -> None:
    """Serve `bare_app` as run.py serves the service in production."""
    Granian(
        "tests.bench:bare_app", address="127.0.0.1", port=int(os.environ["PORT"]), interface=Interfaces.WSGI,
        factory=True, http=HTTPModes.http1, websockets=False, workers=WORKERS, blocking_threads=THREADS,
    ).serve()  # fmt: skip


@dataclass(frozen=True)
class Served:
    """A program that serves: where, as which process, and how many seconds passed until it answered."""

    port: int
    pid: int
    started_in: float

    def memory(self) -> float:
        """The megabytes that it and its workers hold, what they share counted once; 0 where nobody tells."""
        try:
            return sum(map(proportional, family(self.pid))) / 1024
        except OSError:
            return 0.0


def family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from family(int(child))


def proportional(pid: int) -> int:
    """The kilobytes of a process, each shared page divided among those who share it."""
    return int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0])


@contextmanager
def running(*command: str, **settings: str) -> Iterator[Served]:
    """A Python program that serves, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {name: os.environ[name] for name in ("PATH", "DATABASE_URL") if name in os.environ}
    environment |= {"PORT": str(port), "PYTHONPATH": str(ROOT)} | settings
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("w+") as log:
        began = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment | {"INSTANCE_PATH": folder}, stdout=log, stderr=log
        )
        try:
            while not answers(port):
                if child.poll() is not None:
                    sys.exit(Path(log.name).read_text())
                time.sleep(0.05)
            yield Served(port, child.pid, time.perf_counter() - began)
        finally:
            child.terminate()
            child.wait()


def answers(port: int) -> bool:
    """Whether something speaks HTTP there."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except OSError:
        return False
    return True


def raw(method: str, path: str, body: object = None, token: str = "") -> bytes:
    """A whole request as it goes over the wire."""
    content = "" if body is None else json.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(content)}"]
    lines += ["Content-Type: application/json"] if content else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", content]).encode()


class Bench:
    """The measurements, against one bare and one real service."""

    def __init__(self, bare: int, service: int, seconds: int, pool: ProcessPoolExecutor) -> None:
        self._bare, self._service, self._seconds, self._pool = bare, service, seconds, pool
        self._people = [{"email": f"person{n}@example.com", "password": PASSWORD} for n in range(MANY)]
        self._enter("/api/v1/auth/signup")

    def one_round(self) -> dict[str, Sample]:
        """Every quick route once, then the flood."""
        tokens = self._enter("/api/v1/auth/login")
        account = [raw("GET", "/api/v1/account", token=tokens[0]["access_token"])]
        refresh = [raw("POST", "/api/v1/auth/refresh", token=each["refresh_token"]) for each in tokens]
        found = {
            "bare Flask route": self._measure([raw("GET", "/")], port=self._bare),
            "GET /account": self._measure(account),
            "POST /auth/refresh, rotating": self._measure(refresh, rotate=True),
            "POST /forgot-password, known": self._measure(self._forgot(self._people[0]["email"])),
            "POST /forgot-password, unknown": self._measure(self._forgot("nobody@example.com")),
            "GET /account alone": self._measure(account, FEW),
        }
        flood = self._start(self._logins(), MANY)
        found["GET /account beside logins"] = self._measure(account, FEW)
        return found | {"the logins": flood.result()}

    def sign_ins(self) -> Sample:
        """Logins as fast as they come; in a long window, for there are few in a second."""
        self._enter("/api/v1/auth/login")
        return self._start(self._logins(), SIGNING_IN, seconds=5 * self._seconds).result()

    def _measure(self, requests: Sequence[bytes], connections: int = MANY, **shots: int) -> Sample:
        return self._start(requests, connections, **shots).result()

    def _start(
        self, requests: Sequence[bytes], connections: int, seconds: int = 0, port: int = 0, rotate: bool = False
    ) -> Future[Sample]:
        shots = Shots(port or self._service, requests[:connections], connections, rotate)
        return self._pool.submit(LOAD, shots, seconds or self._seconds)

    def _forgot(self, email: str) -> list[bytes]:
        return [raw("POST", "/api/v1/forgot-password", {"email": email})]

    def _logins(self) -> list[bytes]:
        return [raw("POST", "/api/v1/auth/login", person) for person in self._people]

    def _enter(self, path: str) -> list[dict[str, str]]:
        with ThreadPoolExecutor(SIGNING_IN) as threads:
            return list(threads.map(lambda person: self._post(path, person), self._people))

    def _post(self, path: str, body: dict[str, str]) -> dict[str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._service, timeout=60)
        while True:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told: dict[str, str] = json.loads(answer.read())
            if answer.status < 300:
                return told
            time.sleep(int(answer.headers["Retry-After"]))  # the flood before us has left hashes behind


@contextmanager
def emptied_database(url: sa.URL) -> Iterator[None]:
    """Use a database only if it is empty, and leave it so. SQLite's is in the temporary folder."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    given = bool(os.environ.get("DATABASE_URL"))
    if given and sa.inspect(engine).get_table_names():
        sys.exit("DATABASE_URL names a database with tables in it; the bench takes an empty one and empties it again.")
    yield
    if given:
        tables = sa.MetaData()
        tables.reflect(engine)
        tables.drop_all(engine)


def hash_limit() -> float:
    """How many passwords this machine can hash in a second when it does nothing else."""
    cores, salt = os.cpu_count() or 1, bcrypt.gensalt(COST)
    start = time.perf_counter()
    with ThreadPoolExecutor(cores) as threads:
        list(threads.map(lambda _: bcrypt.hashpw(b"password", salt), range(4 * cores)))
    return 4 * cores / (time.perf_counter() - start)


def median(samples: Sequence[Sample]) -> Sample:
    """The median of each figure."""
    return Sample(*(statistics.median(getattr(each, name) for each in samples) for name in Sample.__annotations__))


def report(rounds: Sequence[dict[str, Sample]], sign_ins: Sample, limit: float) -> Iterator[str]:
    """The figures, as a table and two sentences."""
    figures = {name: median([found[name] for found in rounds]) for name in rounds[0]}
    bare, flood = figures["bare Flask route"], figures.pop("the logins")
    alone, beside = figures["GET /account alone"], figures["GET /account beside logins"]
    yield f"{'':32}{'per second':>12}{'of bare':>9}{'p50 ms':>9}{'p99 ms':>9}"
    for name, each in {**figures, "POST /auth/login": sign_ins}.items():
        refused = f"   {each.refused:.0f} refused per second" if each.refused else ""
        yield f"{name:32}{each.rate:12,.1f}{each.rate / bare.rate:9.3f}{each.p50:9.2f}{each.p99:9.2f}{refused}"
    yield f"\nHash limit {limit:.2f} per second; {SIGNING_IN} connections reach {sign_ins.rate / limit:.0%} of it."
    yield (
        f"Beside {MANY} connections on login ({flood.rate:.1f} in and {flood.refused:.0f} refused per second), "
        f"{FEW} on GET /account keep {beside.rate / alone.rate:.0%} of their rate; "
        f"p99 is {beside.p99 / alone.p99:.1f} times as long."
    )


def main() -> None:
    """Start both servers, measure, print."""
    parser = argparse.ArgumentParser(description="Measure the speed of the main routes on this machine.")
    parser.add_argument("--seconds", type=int, default=2, help="how long each of the windows lasts (default: 2)")
    parser.add_argument("--serve-bare", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve_bare:
        serve_bare()
        return
    settings = {
        "APP_ENV": "production", "PUBLIC_URL": "https://bench.example", "SECRET_KEY": secrets.token_urlsafe(48),
        "SIGNING_KEY": new_signing_key(), "BCRYPT_ROUNDS": str(COST), "WORKERS": str(WORKERS), "THREADS": str(THREADS),
        "RATELIMIT_ENABLED": "false", "MAIL_DELIVERER": "off", "LOG_LEVEL": os.environ.get("LOG_LEVEL", "info"),
        "METRICS": "on", "METRICS_TOKEN": secrets.token_hex(), "DRAIN_SECONDS": "0",
    }  # fmt: skip
    url = sa.make_url(load({**settings, "DATABASE_URL": os.environ.get("DATABASE_URL", "")}).database_url)
    print(
        f"{url.get_backend_name()}; granian, {WORKERS} workers of {THREADS} threads; {MANY} keep-alive connections by "
        f"{'wrk' if LOAD is with_wrk else 'plain Python sockets'}; medians of {ROUNDS} rounds.\n"
        f"bcrypt cost {COST}. Rate limits and mail delivery are off: letters wait in the outbox.\n",
        flush=True,
    )
    with ExitStack() as stack:
        stack.enter_context(emptied_database(url))
        bare = stack.enter_context(running("-m", "tests.bench", "--serve-bare"))
        service = stack.enter_context(running(str(ROOT / "run.py"), **settings))
        idle = service.memory()
        bench = Bench(bare.port, service.port, given.seconds, stack.enter_context(ProcessPoolExecutor(2)))
        limit = hash_limit()
        rounds = [bench.one_round() for _ in range(ROUNDS)]
        print(*report(rounds, bench.sign_ins(), limit), sep="\n")
        print(
            f"Started in {service.started_in:.1f} s; {WORKERS} workers and their parent hold {idle:.0f} MB then, "
            f"and {service.memory():.0f} MB after all this."
        )


if __name__ == "__main__":
    main()
