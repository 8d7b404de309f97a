"""People in a mix: they sign up, look at their account, refresh, sign in anew, forget passwords and sign out.

    python -m tests.load.mix --seconds 30 --people 32                  # a service of its own, as run.py serves it
    python -m tests.load.mix --url https://accounts.example.com ...    # one that runs

Prints how often each was done, how fast, and how it was answered; exits with 1 if anything failed on the service's
side. A 503 that says when to come back is obeyed and is no failure. Locust would do the same with a web page beside it,
for a dozen more packages, of which one replaces the sockets of the whole process; the parts of `tests.bench` are here.
"""

import argparse
import http.client
import itertools
import json
import random
import secrets
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from urllib.parse import urlsplit

from config import ROOT, new_signing_key
from tests.bench.serving import running

PASSWORD = "correct horse battery"
WEIGHTS = {"account": 70, "refresh": 15, "login": 8, "forgot": 3, "sessions": 2, "logout": 1, "signup": 1}
ROUTES = {
    "signup": ("POST", "/api/v1/auth/signup"), "login": ("POST", "/api/v1/auth/login"),
    "refresh": ("POST", "/api/v1/auth/refresh"), "logout": ("POST", "/api/v1/auth/logout"),
    "account": ("GET", "/api/v1/account"), "sessions": ("GET", "/api/v1/account/sessions"),
    "forgot": ("POST", "/api/v1/forgot-password"),
}  # fmt: skip


class Person(threading.Thread):
    """One who does one thing after the other, on one connection."""

    def __init__(self, url: str, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        at = urlsplit(url)
        kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(at.hostname or "", at.port, timeout=60)
        self._run_id, self._numbers, self._end = f"{number}.{secrets.token_hex(4)}", itertools.count(), stop
        self._chance = random.Random(number)
        self._tokens: dict[str, str] = {}
        self._email = ""
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self.statuses: Counter[tuple[str, int]] = Counter()

    def run(self) -> None:
        while not self._end.is_set():
            act = self._chance.choices(*zip(*WEIGHTS.items(), strict=True))[0] if self._email else "signup"
            if not self._tokens and act not in ("signup", "forgot"):
                act = "login"
            self._do(act)
        self._connection.close()

    def _do(self, act: str) -> None:
        email = f"person.{self._run_id}.{next(self._numbers)}@example.com" if act == "signup" else self._email
        body = {"email": email, "password": PASSWORD} if act in ("signup", "login") else None
        body = {"email": email} if act == "forgot" else body
        token = {"refresh": "refresh_token", "signup": "", "login": "", "forgot": ""}.get(act, "access_token")
        status, answer = self._ask(act, body, self._tokens.get(token))
        if status in (200, 201) and act in ("signup", "login", "refresh"):
            self._tokens, self._email = answer, email
        elif act == "logout" or status == 401:
            self._tokens = {}

    def _ask(self, act: str, body: dict[str, str] | None, token: str | None) -> tuple[int, dict[str, str]]:
        method, path = ROUTES[act]
        headers = {"Content-Type": "application/json"} if body else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        began = time.perf_counter()
        try:
            self._connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self.statuses[act, 0] += 1
            return 0, {}
        self.times[act].append(1e3 * (time.perf_counter() - began))
        self.statuses[act, answer.status] += 1
        if answer.status in (429, 503):
            self._end.wait(int(answer.headers.get("Retry-After", "1")))
        return answer.status, json.loads(text) if text else {}


def make_load(url: str, people: int, seconds: float) -> tuple[dict[str, list[float]], Counter[tuple[str, int]]]:
    """Times in milliseconds, and how often each act was answered with each status; 0 is no answer."""
    stop = threading.Event()
    crowd = [Person(url, number, stop) for number in range(people)]
    for person in crowd:
        person.start()
    time.sleep(seconds)
    stop.set()
    for person in crowd:
        person.join(70)
    times = {act: [each for person in crowd for each in person.times[act]] for act in WEIGHTS}
    return times, sum((person.statuses for person in crowd), Counter())


def main() -> None:
    """Make the load, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a service that runs; without it one is started")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--people", type=int, default=32)
    given = parser.parse_args()
    settings = {
        "APP_ENV": "production", "PUBLIC_URL": "https://load.example", "SECRET_KEY": secrets.token_urlsafe(48),
        "SIGNING_KEY": new_signing_key(), "RATELIMIT_ENABLED": "false", "MAIL_DELIVERER": "off", "LOG_LEVEL": "warning",
    }  # fmt: skip
    with ExitStack() as stack:
        served = None if given.url else stack.enter_context(running(str(ROOT / "run.py"), **settings))
        times, statuses = make_load(given.url or f"http://127.0.0.1:{served.port}", given.people, given.seconds)
        memory = served.memory() if served else 0
    print(f"{'':10}{'times':>8}{'p50 ms':>9}{'p99 ms':>9}  answered")
    for act, taken in sorted(times.items(), key=lambda found: -len(found[1])):
        cuts = statistics.quantiles(taken, n=100) if len(taken) > 1 else [0.0] * 99
        answered = ", ".join(f"{count} × {status}" for (name, status), count in sorted(statuses.items()) if name == act)
        print(f"{act:10}{len(taken):8}{cuts[49]:9.1f}{cuts[98]:9.1f}  {answered}")
    total = sum(map(len, times.values()))
    print(
        f"{total} requests, {total / given.seconds:.0f} a second" + (f"; {memory:.0f} MB at the end" if memory else "")
    )
    sys.exit(any(status == 0 or (status >= 500 and status != 503) for _, status in statuses))


if __name__ == "__main__":
    main()
