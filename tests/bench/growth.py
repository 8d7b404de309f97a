"""How the speed depends on the number of accounts: `python -m tests.bench --accounts 100000 2000000`.

The service runs once with a small database and once with each large one, all at the same time, and they are measured in
turn. So both see the same other work on this machine, and the ratio between them is the figure to read. Passwords have
the lowest cost, so that the time of a login is that of its statements.
"""

import http.client
import json
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import bcrypt

from app import create_app, migrate
from app.core.database import db
from config import load, new_signing_key
from tests.bench.load import LOAD, Sample, Shots, raw
from tests.bench.seeder import PASSWORD, Seeder, email_of
from tests.bench.serving import Served, running
from tests.support.servers import ROOT, new_database

SMALL: Final = 1_000  # accounts
SESSIONS: Final = 800  # in use, of different accounts, so that requests find few rows in a cache
REFRESHED: Final = 160  # of them, so that few people need to sign in before each window
CONNECTIONS: Final = 16
COST: Final = 4
ROUNDS: Final = 5
SIGNING_IN: Final = 4
ATTEMPTS: Final = 30
GOAL: Final = 1.2
ROUTES: Final = (
    "GET /account",
    "POST /auth/login, cheap hash",
    "POST /auth/refresh, rotating",
    "POST /forgot-password, known",
)
Rounds = Sequence[dict[str, dict[int, Sample]]]  # by route, then by number of accounts


class Crowd:
    """People with accounts in a seeded database, spread over all of it, and the service that they use."""

    def __init__(self, service: Served, accounts: int) -> None:
        self._port = service.port
        numbers = [number * accounts // SESSIONS for number in range(SESSIONS)]
        # The seeder disables some accounts.
        emails = [email_of(number - (number % 500 == 499)) for number in numbers]
        self._people = [{"email": email, "password": PASSWORD} for email in emails]
        self._tokens = self._sign_in_all(self._people)

    def measure(self, route: str, seconds: int) -> Sample:
        """One window of one of `ROUTES`."""
        match route:
            case "GET /account":
                requests = [raw("GET", "/api/v1/account", token=each["access_token"]) for each in self._tokens]
            case "POST /auth/login, cheap hash":
                requests = [raw("POST", "/api/v1/auth/login", person) for person in self._people]
            case "POST /auth/refresh, rotating":
                requests = self._refreshes()
            case _:
                emails = ({"email": person["email"]} for person in self._people)
                requests = [raw("POST", "/api/v1/forgot-password", body) for body in emails]
        return LOAD(Shots(self._port, requests, CONNECTIONS, "refresh" in route), seconds)

    def _refreshes(self) -> list[bytes]:
        """Refreshes of new sessions: an earlier window has used the refresh tokens up."""
        tokens = self._sign_in_all(self._people[:: SESSIONS // REFRESHED])
        return [raw("POST", "/api/v1/auth/refresh", token=each["refresh_token"]) for each in tokens]

    def _sign_in_all(self, people: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        with ThreadPoolExecutor(SIGNING_IN) as threads:
            return list(threads.map(self._sign_in, people))

    def _sign_in(self, person: dict[str, str]) -> dict[str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        for _ in range(ATTEMPTS):
            connection.request("POST", "/api/v1/auth/login", json.dumps(person), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told: dict[str, str] = json.loads(answer.read())
            if answer.status < 300:
                return told
            time.sleep(float(answer.headers.get("Retry-After", 1)))  # too many hashes at once
        raise SystemExit(f"A login fails: {told}")


def measure_growth(kind: str, counts: Sequence[int], seconds: int) -> Iterator[str]:
    """Seed a database for each number of accounts, measure all of them in turn, and say what came of it."""
    with ExitStack() as stack:
        crowds: dict[int, Crowd] = {}
        for accounts in [SMALL, *(count for count in counts if count != SMALL)]:
            began = time.monotonic()
            url = stack.enter_context(seeded(kind, accounts))
            yield f"{accounts:,} accounts with their sessions written in {time.monotonic() - began:.0f} s."
            service = stack.enter_context(running(str(ROOT / "run.py"), DATABASE_URL=url, **settings()))
            crowds[accounts] = Crowd(service, accounts)
        rounds = [
            {route: {accounts: crowd.measure(route, seconds) for accounts, crowd in crowds.items()} for route in ROUTES}
            for _ in range(ROUNDS)
        ]
    yield from report(rounds)


def report(rounds: Rounds) -> Iterator[str]:
    """A row for each route. The ratios are medians of those of the rounds, in which windows follow each other."""
    small, *large = rounds[0][ROUTES[0]]
    titles = (f"{each:>14,}{'p99 ms':>9}{'ratio':>8}" for each in large)
    yield f"\n{'accounts':32}{small:>12,}{'p99 ms':>9}" + "".join(titles)
    for route in ROUTES:
        found = [each[route] for each in rounds]
        line = f"{route:32}{_rate(found, small):12,.1f}{_p99(found, small):9.1f}"
        for count in large:
            ratio = statistics.median(each[small].rate / each[count].rate for each in found)
            line += f"{_rate(found, count):14,.1f}{_p99(found, count):9.1f}{ratio:8.2f}"
        refused = sum(sample.refused for each in found for sample in each.values())
        yield line + (f"   {refused:.0f} refused" if refused else "")
    yield f"The ratio says how many times as long a request takes as with {small:,} accounts; the goal is {GOAL}."


def _rate(found: Sequence[dict[int, Sample]], count: int) -> float:
    return statistics.median(each[count].rate for each in found)


def _p99(found: Sequence[dict[int, Sample]], count: int) -> float:
    return statistics.median(each[count].p99 for each in found)


def settings() -> dict[str, str]:
    """The settings of the service: production, without limits and background tasks."""
    return {
        "APP_ENV": "production", "PUBLIC_URL": "https://bench.example", "SECRET_KEY": secrets.token_urlsafe(48),
        "SIGNING_KEY": new_signing_key(), "BCRYPT_ROUNDS": str(COST), "RATELIMIT_ENABLED": "false",
        "DRAIN_SECONDS": "0", "WORKERS": "2", "THREADS": "32", "MAIL_DELIVERER": "off", "AUDIT_SEALING": "off",
        "CLEANUP_INTERVAL_MINUTES": "0", "LOG_LEVEL": "warning",
    }  # fmt: skip


@contextmanager
def seeded(kind: str, accounts: int, expired: int = 0) -> Iterator[str]:
    """The URL of a new database with so many accounts, and expired sessions and email actions if asked for."""
    with new_database(kind) as url:
        with tempfile.TemporaryDirectory() as folder:
            app = create_app(load({}, app_env="testing", instance_path=Path(folder), database_url=url))
            migrate(app)
            with app.app_context():
                for engine in db.engines.values():
                    engine.dispose()
        seeder = Seeder(url)
        seeder.accounts(accounts, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode())
        if expired:
            seeder.expired(expired, expired, accounts)
        seeder.analyze()
        yield url
