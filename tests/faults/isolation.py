"""A flood of sign-ins does not starve the routes of those who are signed in: `GET /account` alone, then beside floods.

The flood hammers: whoever is refused tries again at once. Read the shares; client and server share the machine.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median

from tests.bench.__main__ import COST, hash_limit
from tests.bench.load import LOAD, Sample, Shots, raw
from tests.faults import drill
from tests.faults.drill import Client, Report
from tests.support.servers import new_database

CONNECTIONS, FLOODS, PEOPLE = 4, (16, 64), 16
LEAST_KEPT, SLOWEST_MS = 0.5, 25
SIGNING_IN = 8


@dataclass(frozen=True)
class Size:
    """Windows of each kind, taken by turns, and their seconds."""

    windows: int
    seconds: int


def logins() -> list[bytes]:
    """What the flood sends."""
    return [raw("POST", "/api/v1/auth/login", drill.credentials(f"person{n}@example.com")) for n in range(PEOPLE)]


def sign_up(port: int) -> str:
    """Everybody's account, and an access token of one of them."""
    client, token = Client(port), ""
    for number in range(PEOPLE):
        body = drill.credentials(f"person{number}@example.com")
        while (reply := client.api("POST", "/auth/signup", body)).status == 503:
            time.sleep(0.1)
        assert reply.status == 201, reply
        token = reply.body["access_token"]
    client.close()
    return token


def beside(pool: ProcessPoolExecutor, port: int, account: bytes, flood: int, seconds: int) -> tuple[Sample, Sample]:
    """The account route beside a flood that begins before it and ends after it; and the flood."""
    flooding = pool.submit(LOAD, Shots(port, logins(), flood), seconds + 2)
    time.sleep(1)
    found = pool.submit(LOAD, Shots(port, [account], CONNECTIONS), seconds).result()
    return found, flooding.result()


def middle(samples: Sequence[Sample], name: str) -> float:
    """The median of one figure."""
    return median(getattr(sample, name) for sample in samples)


def settle(port: int) -> None:
    """Until the hashes that a flood left behind are done with."""
    client, body = Client(port), drill.credentials("person0@example.com")
    drill.until(lambda: all(client.api("POST", "/auth/login", body).status == 200 for _ in range(4)), 60, pause=0.5)
    client.close()


def isolation(kind: str, size: Size, report: Report) -> None:
    """Measure by turns, and set the medians beside each other."""
    limit = hash_limit()
    idle: list[Sample] = []
    floods: dict[int, list[tuple[Sample, Sample]]] = {flood: [] for flood in FLOODS}
    with (
        new_database(kind) as url,
        # as many places for hashing as there are cores, which is what the setting is by default
        drill.service(url, bcrypt_rounds=COST, hash_slots="") as port,
        ProcessPoolExecutor(2) as pool,
    ):
        account = raw("GET", "/api/v1/account", token=sign_up(port))
        for _ in range(size.windows):
            idle.append(pool.submit(LOAD, Shots(port, [account], CONNECTIONS), size.seconds).result())
            for flood, found in floods.items():
                found.append(beside(pool, port, account, flood, size.seconds))
                settle(port)
        alone = pool.submit(LOAD, Shots(port, logins()[:SIGNING_IN], SIGNING_IN), 2 * size.seconds).result()
    report.figure("GET /account alone, per second", f"{middle(idle, 'rate'):,.0f}")
    report.figure("GET /account alone, p99", f"{middle(idle, 'p99'):.1f} ms")
    for flood, found in floods.items():
        tell(flood, idle, found, limit, report)
    said = f"{alone.rate:.2f}, refused {alone.refused:.0f}"
    report.figure(f"sign-ins of {SIGNING_IN} connections, per second", said)
    report.figure("of the machine's bare hash limit", f"{alone.rate / limit:.0%} of {limit:.2f}")


def tell(flood: int, idle: list[Sample], found: list[tuple[Sample, Sample]], limit: float, report: Report) -> None:
    """The figures beside one flood."""
    accounts, sign_ins = [each[0] for each in found], [each[1] for each in found]
    kept, p99 = middle(accounts, "rate") / middle(idle, "rate"), middle(accounts, "p99")
    said = f"beside {flood} on login"
    report.promise(f"{said}: rate kept (>= {LEAST_KEPT:.0%})", f"{kept:.0%}", kept >= LEAST_KEPT)
    report.promise(f"{said}: p99 (<= {SLOWEST_MS} ms)", f"{p99:.1f} ms", p99 <= SLOWEST_MS)
    report.promise(f"{said}: refused of /account", middle(accounts, "refused"), middle(accounts, "refused") == 0)
    admitted = middle(sign_ins, "rate")
    report.figure(f"{said}: admitted per second", f"{admitted:.2f}, limit {limit:.2f}")
    report.figure(f"{said}: refused per second", f"{middle(sign_ins, 'refused'):,.0f}")


if __name__ == "__main__":
    drill.run(isolation, says=__doc__, full=Size(5, 5), quick=Size(1, 2))
