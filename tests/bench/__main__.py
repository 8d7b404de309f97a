"""`make bench`: how fast the main routes answer, beside a bare Flask route on the same kind of server in the same run.

The service runs as `python run.py` with production settings, on loopback and in a temporary folder, with an empty
database of each kind that there is. Read the ratios: client and server share the machine.
"""

import argparse
import http.client
import json
import os
import re
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import bcrypt
from flask import Flask

from app.core import logs
from app.web import granian_server, sockets
from config import new_signing_key
from tests.bench import writers
from tests.bench.costs import Cost, Load, measure_cost
from tests.bench.growth import measure_growth
from tests.bench.load import LOAD, Sample, Shots, raw, with_wrk
from tests.bench.serving import running
from tests.bench.start import measure_start
from tests.support.servers import DATABASES, ROOT, NotHere, available, new_database

BASELINE = Path(__file__).with_name("baseline.json")  # ratios to the bare route: a rate alone says little elsewhere
ROUNDS = 3
WORKERS, THREADS, COST = 2, 32, 12
MANY, FEW = 16, 4
SIGNING_IN = 8  # at once: no more than one worker takes on, so that none is refused
PASSWORD = "correct horse battery"


def bare_app() -> Flask:
    """A Flask app that does next to nothing."""
    app = Flask("bare")

    @app.get("/")
    def nothing() -> dict[str, str]:
        return {}

    return app


def serve_bare() -> None:
    """Serve `bare_app` as run.py serves the service in production."""
    with sockets.bind("127.0.0.1", int(os.environ["PORT"])) as listener:
        listeners = sockets.reuseport_sockets(listener, WORKERS)
        sockets.listen(*listeners)
        log = logs.configuration("text", "warning")
        target = "tests.bench.__main__:bare_app"
        granian_server.serve(target, listeners, workers=WORKERS, threads=THREADS, drain_seconds=0, log=log)


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

    def costs(self, pid: int, folder: Path) -> dict[str, Cost]:
        """What the frequent routes cost, with a flame graph of each in `folder`."""
        account = "/api/v1/account"
        forgot = self._forgot(self._people[0]["email"])
        loads: dict[str, Callable[[], Load]] = {
            "GET /account": lambda: self._load([raw("GET", account, token=self._tokens()[0]["access_token"])]),
            "POST /auth/refresh, rotating": lambda: self._load(self._refreshes(), rotate=True),
            "POST /forgot-password, known": lambda: self._load(forgot),
        }
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: folder / f"{re.sub(r'[^a-z]+', '-', name.lower())}.svg" for name in loads}
        return {name: measure_cost(pid, self._seconds, load, files[name]) for name, load in loads.items()}

    def _load(self, requests: Sequence[bytes], *, rotate: bool = False) -> Load:
        return lambda seconds: self._start(requests, MANY, seconds, rotate=rotate)

    def _tokens(self) -> list[dict[str, str]]:
        return self._enter("/api/v1/auth/login")

    def _refreshes(self) -> list[bytes]:
        return [raw("POST", "/api/v1/auth/refresh", token=each["refresh_token"]) for each in self._tokens()]

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


def report(
    rounds: Sequence[dict[str, Sample]], sign_ins: Sample, limit: float, baseline: dict[str, float]
) -> Iterator[str]:
    """The figures, as a table and two sentences. `baseline` are earlier ratios to the bare route."""
    figures = {name: median([found[name] for found in rounds]) for name in rounds[0]}
    bare, flood = figures["bare Flask route"], figures.pop("the logins")
    alone, beside = figures["GET /account alone"], figures["GET /account beside logins"]
    yield f"{'':32}{'per second':>12}{'of bare':>9}{'baseline':>10}{'p50 ms':>9}{'p99 ms':>9}"
    for name, each in {**figures, "POST /auth/login": sign_ins}.items():
        refused = f"   {each.refused:.0f} refused per second" if each.refused else ""
        before = f"{baseline[name]:10.3f}" if name in baseline else f"{'':10}"
        yield f"{name:32}{each.rate:12,.1f}{each.rate / bare.rate:9.3f}{before}{each.p50:9.2f}{each.p99:9.2f}{refused}"
    yield f"\nHash limit {limit:.2f} per second; {SIGNING_IN} connections reach {sign_ins.rate / limit:.0%} of it."
    yield (
        f"Beside {MANY} connections on login ({flood.rate:.1f} in and {flood.refused:.0f} refused per second), "
        f"{FEW} on GET /account keep {beside.rate / alone.rate:.0%} of their rate; "
        f"p99 is {beside.p99 / alone.p99:.1f} times as long."
    )


def report_costs(costs: dict[str, Cost], folder: Path) -> Iterator[str]:
    """The microseconds of each route, and their layers as columns."""
    layers = sorted({layer for cost in costs.values() for layer in cost.layers})
    yield "\nMicroseconds of server CPU per request, divided by where the GIL is held:"
    yield f"{'':32}{'all':>8}" + "".join(f"{layer:>11}" for layer in layers)
    for name, cost in costs.items():
        yield f"{name:32}{cost.microseconds:8.0f}" + "".join(f"{cost.layers.get(layer, 0):11.0f}" for layer in layers)
    yield f"Flame graphs for a browser: {folder}/*.svg"


def measure(kind: str, seconds: int, folder: Path, *, costs: bool) -> Iterator[str]:
    """Start both servers, measure on this database, and say what came of it."""
    settings = {
        "APP_ENV": "production", "PUBLIC_URL": "https://bench.example", "SECRET_KEY": secrets.token_urlsafe(48),
        "SIGNING_KEY": new_signing_key(), "BCRYPT_ROUNDS": str(COST), "WORKERS": str(WORKERS), "THREADS": str(THREADS),
        "RATELIMIT_ENABLED": "false", "MAIL_DELIVERER": "off", "LOG_LEVEL": os.environ.get("LOG_LEVEL", "info"),
        "METRICS": "on", "METRICS_TOKEN": secrets.token_hex(), "DRAIN_SECONDS": "0",
    }  # fmt: skip
    with (
        new_database(kind) as url,
        running(str(ROOT / "run.py"), **settings | writers.SETTINGS, DATABASE_URL=url) as service,
    ):
        writes = list(writers.table(service.port))
    with ExitStack() as stack:
        settings["DATABASE_URL"] = stack.enter_context(new_database(kind))
        bare = stack.enter_context(running("-m", "tests.bench", "--serve-bare"))
        service = stack.enter_context(running(str(ROOT / "run.py"), **settings))
        idle = service.memory()
        bench = Bench(bare.port, service.port, seconds, stack.enter_context(ProcessPoolExecutor(2)))
        limit = hash_limit()
        rounds = [bench.one_round() for _ in range(ROUNDS)]
        baseline = json.loads(BASELINE.read_text()).get(kind, {})
        yield from report(rounds, bench.sign_ins(), limit, baseline)
        yield from writes
        if costs:
            yield from report_costs(bench.costs(service.pid, folder), folder)
        yield (
            f"Started in {service.started_in:.1f} s; {WORKERS} workers and their parent hold {idle:.0f} MB then, "
            f"and {service.memory():.0f} MB after all this."
        )
        yield from measure_start(settings)


def main() -> None:
    """Measure on each database that there is."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="how long each of the windows lasts (default: 2)")
    parser.add_argument("--database", choices=DATABASES, action="append", help="only this one; may be repeated")
    growth = "instead, compare databases with these numbers of accounts with a small one"
    parser.add_argument("--accounts", type=int, nargs="+", metavar="N", help=growth)
    parser.add_argument("--no-costs", action="store_true", help="no profile of what a request costs")
    parser.add_argument("--flame-graphs", type=Path, default=Path("bench"), help="their folder (default: bench)")
    parser.add_argument("--serve-bare", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve_bare:
        serve_bare()
        return
    print(
        f"granian, {WORKERS} workers of {THREADS} threads; {MANY} keep-alive connections by "
        f"{'wrk' if LOAD is with_wrk else 'plain Python sockets'}; medians of {ROUNDS} rounds.\n"
        f"bcrypt cost {COST}. Rate limits and mail delivery are off: emails wait in the outbox.",
        flush=True,
    )
    for kind in given.database or DATABASES:
        try:
            print(f"\n{available(kind)}\n", flush=True)
            lines = measure(kind, given.seconds, given.flame_graphs / kind, costs=not given.no_costs)
            for line in measure_growth(kind, given.accounts, given.seconds) if given.accounts else lines:
                print(line, flush=True)
        except NotHere as reason:
            print(f"\n{kind}: not here: {reason}")


if __name__ == "__main__":
    main()
