"""A hundred thousand malformed requests over all routes: none breaks us, and memory does not grow.

They are made by chance from what the routes do take, from a seed, within this process.
"""

import json
import random
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from flask import Flask
from flask.testing import FlaskClient

from app import create_app, migrate
from config import load
from tests.faults import drill
from tests.faults.drill import Report
from tests.support.apps import close
from tests.support.servers import new_database
from tests.web.api.routes import ROUTES, example

MOST_GROWTH = 50_000_000
TYPES = ("application/json", "application/json; charset=utf-16", "text/plain", "application/x-www-form-urlencoded", "")
QUERIES = ("", "", "?transport=cookie", "?scope=%00", "?transport=" + "x" * 300, "?a[]=1&a=%ff")
ODD = (
    None, True, 0, -1, 1e308, 10**400, "", " ", "\x00", "\ud800", "é" * 5_000, "a" * 70_000, [], [[]] * 50, {},
    {"a": {}}, "ann@example.com", "'; DROP TABLE accounts; --", "../../etc/passwd", "{{7*7}}", "\u202e", "0" * 300,
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How many requests, how many of them before memory is looked at, and the seed that they are made from."""

    count: int
    warm_up: int
    seed: int


def wrong_values(good: dict[str, object], dice: random.Random) -> bytes:
    """A body of the right members, one or two of which are odd."""
    body = dict(good) or {"x": 1}
    for name in dice.sample(sorted(body), min(len(body), dice.randint(1, 2))):
        body[name] = dice.choice(ODD)
    return dumps(body)


def wrong_members(good: dict[str, object], dice: random.Random) -> bytes:
    """One member too few, one too many, or other ones."""
    body: dict[str, object] = {name: value for name, value in good.items() if dice.random() < 0.5}
    body["".join(dice.choices(string.printable, k=dice.randint(0, 40)))] = dice.choice(ODD)
    return dumps(body)


def other_json(_good: dict[str, object], dice: random.Random) -> bytes:
    """JSON that is no object, or one that is very deep."""
    deep = dice.randint(100, 20_000)
    return dice.choice((dumps(dice.choice(ODD)), b"[" * deep, b'{"a":' * deep + b"1" + b"}" * deep))


def broken_json(good: dict[str, object], dice: random.Random) -> bytes:
    """A good body with bytes cut off, doubled or changed."""
    body = bytearray(dumps(good))
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(body) + 1)
        body[place : place + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
    return bytes(body)


def noise(_good: dict[str, object], dice: random.Random) -> bytes:
    """Bytes."""
    return dice.randbytes(dice.choice((0, 1, 7, 100, 1_000, 66_000)))


MAKERS: Sequence[Callable[[dict[str, object], random.Random], bytes]] = (
    wrong_values, wrong_members, other_json, broken_json, noise,
)  # fmt: skip


def dumps(value: object) -> bytes:
    """As JSON, with what JSON cannot hold put in nonetheless."""
    return json.dumps(value).encode()


class Thrower:
    """Throws requests at an app."""

    def __init__(self, app: Flask, seed: int) -> None:
        self._client: FlaskClient = app.test_client(use_cookies=False)
        self._dice = random.Random(seed)
        self._people = 0
        self._sign_up()
        self.statuses: Counter[int] = Counter()
        self.broken: list[str] = []

    def _sign_up(self) -> None:
        """As somebody new: a request may have been good enough to end a session."""
        self._people += 1
        body = drill.credentials(f"person{self._people}@example.com")
        self._tokens: dict[str, str] = self._client.post("/api/v1/auth/signup", json=body).json or {}

    def throw(self) -> None:
        """One request."""
        if self._dice.random() < 0.01:
            self._sign_up()
        method, path, contract = self._dice.choice(ROUTES)
        good = example(contract) if contract.takes else {}
        headers = self._headers(contract.who.scheme)
        body = self._dice.choice(MAKERS)(good, self._dice)
        query = self._dice.choice(QUERIES)
        answer = self._client.open(path + query, method=method, data=body, headers=headers)
        self.statuses[answer.status_code] += 1
        if answer.status_code >= 500:
            self.broken.append(f"{method} {path}{query[:40]} {body[:80]!r}: {answer.status_code}")
        answer.close()

    def _headers(self, scheme: str | None) -> dict[str, str]:
        dice = self._dice
        headers = {"Content-Type": dice.choice(TYPES[:1] * 5 + TYPES)}
        token = self._tokens["refresh_token" if scheme == "refreshToken" else "access_token"]
        carried = (*[f"Bearer {token}"] * 8, "Bearer", "Bearer " + token[:-9], "Basic %%%", "x" * 9_000)
        if dice.random() < 0.9:
            headers["Authorization"] = dice.choice(carried)
        if dice.random() < 0.1:
            headers["Idempotency-Key"] = "k" * dice.choice((0, 1, 256, 8_000))
        if dice.random() < 0.1:
            headers["Accept-Language"] = dice.choice(("*", ";;q=", "x" * 5_000, "de;q=nan, en;q=1e9"))
        return headers


def malformed(kind: str, size: Size, report: Report) -> None:
    """Warm up, weigh, throw, weigh again."""
    process = psutil.Process()
    with new_database(kind) as url, TemporaryDirectory() as folder:
        app = create_app(load(
            {}, app_env="testing", instance_path=Path(folder), database_url=url, bcrypt_rounds=4, hash_slots=64,
            ratelimit_enabled=False, mail_deliverer="off",
        ))  # fmt: skip
        migrate(app)
        thrower = Thrower(app, size.seed)
        for _ in range(size.warm_up):
            thrower.throw()
        before = process.memory_info().rss
        for _ in range(size.count - size.warm_up):
            thrower.throw()
        growth = process.memory_info().rss - before
        close(app)
    report.figure("requests", f"{size.count:,}")
    report.figure("answers", ", ".join(f"{status}: {many:,}" for status, many in sorted(thrower.statuses.items())))
    report.promise("answers that were mistakes", len(thrower.broken), not thrower.broken)
    for line in thrower.broken[:5]:
        print("    ", line)
    grown = f"{growth / 1e6:.1f} MB"
    report.promise(f"memory that was gained (< {MOST_GROWTH / 1e6:.0f} MB)", grown, growth < MOST_GROWTH)


if __name__ == "__main__":
    drill.run(malformed, says=__doc__, full=Size(100_000, 5_000, 7), quick=Size(6_000, 1_000, 7))
