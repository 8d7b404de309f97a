"""What requests notice of cleanup: `python -m tests.bench.cleanup`.

The database has a million expired sessions and a million expired email actions. The service is measured without
cleanup, and then while one of its workers deletes them; the ratio between the two is the figure to read.
"""

import argparse
import statistics
import time
from collections.abc import Iterator

import sqlalchemy as sa

from tests.bench.growth import Crowd, seeded, settings
from tests.bench.load import Sample
from tests.bench.serving import running
from tests.support.servers import DATABASES, ROOT, NotHere

ACCOUNTS = 10_000
ROUNDS = 5
ROUTES = ("GET /account", "POST /auth/refresh, rotating")
GOAL = 2
LEFT = (
    "SELECT (SELECT count(*) FROM sessions WHERE expires_at < :now) + "
    "(SELECT count(*) FROM email_actions WHERE expires_at < :now)"
)


def measure_cleanup(kind: str, expired: int, seconds: int, *, until_done: bool) -> Iterator[str]:
    """Measure with and without cleanup, and say what came of it."""
    with seeded(kind, ACCOUNTS, expired) as url:
        yield f"{ACCOUNTS:,} accounts; {expired:,} expired sessions and as many email actions."
        with running(str(ROOT / "run.py"), DATABASE_URL=url, **settings()) as service:
            crowd = Crowd(service, ACCOUNTS)
            without = [{route: crowd.measure(route, seconds) for route in ROUTES} for _ in range(ROUNDS)]
        cleaning = settings() | {"CLEANUP_INTERVAL_MINUTES": "60"}
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with running(str(ROOT / "run.py"), DATABASE_URL=url, **cleaning) as service:
            crowd = Crowd(service, ACCOUNTS)
            began, before = time.monotonic(), _left(engine)
            beside = [{route: crowd.measure(route, seconds) for route in ROUTES} for _ in range(ROUNDS)]
            left, took = _left(engine), time.monotonic() - began
            yield from report(without, beside)
            yield f"Meanwhile {(before - left) / took:,.0f} rows per second were deleted; {left:,} were left."
            began = time.monotonic()
            while until_done and _left(engine):
                time.sleep(1)
            if until_done:
                yield f"Without other requests {left / (time.monotonic() - began):,.0f} per second."
        engine.dispose()


def report(without: list[dict[str, Sample]], beside: list[dict[str, Sample]]) -> Iterator[str]:
    """A row for each route."""
    yield f"{'':32}{'per second':>12}{'p99 ms':>9}{'with cleanup':>14}{'p99 ms':>9}{'ratio of p99':>14}"
    for route in ROUTES:
        (rate, p99), (rate_beside, p99_beside) = (
            (
                statistics.median(each[route].rate for each in rounds),
                statistics.median(each[route].p99 for each in rounds),
            )
            for rounds in (without, beside)
        )
        yield f"{route:32}{rate:12,.1f}{p99:9.1f}{rate_beside:14,.1f}{p99_beside:9.1f}{p99_beside / p99:14.2f}"
    yield f"The goal is a ratio of at most {GOAL}."


def _left(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.text(LEFT.replace(":now", "'2026-11-01'"))) or 0)


def main() -> None:
    """Measure on each database that there is."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cleanup", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, action="append", help="only this one; may be repeated")
    parser.add_argument("--expired", type=int, default=1_000_000, help="rows to delete of each kind (default: 1000000)")
    parser.add_argument("--seconds", type=int, default=2, help="how long each of the windows lasts (default: 2)")
    parser.add_argument("--until-done", action="store_true", help="wait until all are deleted")
    given = parser.parse_args()
    for kind in given.database or DATABASES:
        print(f"\n{kind}\n", flush=True)
        try:
            for line in measure_cleanup(kind, given.expired, given.seconds, until_done=given.until_done):
                print(line, flush=True)
        except NotHere as reason:
            print(f"not here: {reason}")


if __name__ == "__main__":
    main()
