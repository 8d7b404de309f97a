"""What requests notice of cleanup: `python -m tests.bench.cleanup`.

The database has a million expired sessions and a million expired email actions. The service is measured without
cleanup, and then while one of its workers deletes them; the ratio between the two is the figure to read.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from tests.bench.growth import Crowd, seeded, settings
from tests.bench.load import Sample
from tests.bench.serving import running
from tests.support.servers import DATABASES, ROOT, NotHere

ACCOUNTS = 10_000
TURNS, ROUNDS = 3, 2
ROUTES = ("GET /account", "POST /auth/refresh, rotating")
GOAL = 2
LEFT = (
    "SELECT (SELECT count(*) FROM sessions WHERE expires_at < :before) + "
    "(SELECT count(*) FROM email_actions WHERE expires_at < :before)"
)


def measure_cleanup(kind: str, expired: int, seconds: int) -> Iterator[str]:
    """Measure without and with cleanup, in turn, and say what came of it."""
    quiet = settings()
    cleaning = quiet | {"CLEANUP_INTERVAL_MINUTES": "60"}
    found: dict[str, list[dict[str, Sample]]] = {"0": [], "60": []}
    with seeded(kind, ACCOUNTS, expired) as url:
        yield f"{ACCOUNTS:,} accounts; {expired:,} expired sessions and as many email actions."
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        deleted, took = 0, 0.0
        for _ in range(TURNS):
            for given in (quiet, cleaning):
                _end_lease(engine)
                with running(str(ROOT / "run.py"), DATABASE_URL=url, **given) as service:
                    began, before = time.monotonic(), _left(engine)
                    crowd = Crowd(service, ACCOUNTS)
                    rounds = [{route: crowd.measure(route, seconds) for route in ROUTES} for _ in range(ROUNDS)]
                    found[given["CLEANUP_INTERVAL_MINUTES"]] += rounds
                    if given is cleaning:
                        left = _left(engine)
                        deleted, took = deleted + before - left, took + time.monotonic() - began
        yield from report(found["0"], found["60"])
        yield f"Meanwhile {deleted / took:,.0f} rows per second were deleted; {left:,} were left at the end."


def _end_lease(engine: sa.Engine) -> None:
    """Let the next service clean up, although the one before it has not given the task back."""
    with engine.connect() as connection:
        connection.execute(sa.text("DELETE FROM leases"))


def report(without: list[dict[str, Sample]], beside: list[dict[str, Sample]]) -> Iterator[str]:
    """A row for each route. p99 is that of the quietest window: on a busy machine it differs by a factor of four."""
    yield f"{'':32}{'per second':>12}{'p99 ms':>9}{'with cleanup':>14}{'p99 ms':>9}{'ratio of p99':>14}"
    for route in ROUTES:
        (rate, p99), (rate_beside, p99_beside) = (
            (statistics.median(each[route].rate for each in rounds), min(each[route].p99 for each in rounds))
            for rounds in (without, beside)
        )
        yield f"{route:32}{rate:12,.1f}{p99:9.1f}{rate_beside:14,.1f}{p99_beside:9.1f}{p99_beside / p99:14.2f}"
    yield f"The goal is a ratio of at most {GOAL}."


def _left(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.text(LEFT), {"before": f"{datetime.now(UTC) - timedelta(days=20):%F}"}) or 0)


def main() -> None:
    """Measure on each database that there is."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cleanup", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, action="append", help="only this one; may be repeated")
    parser.add_argument("--expired", type=int, default=1_000_000, help="rows to delete of each kind (default: 1000000)")
    parser.add_argument("--seconds", type=int, default=2, help="how long each of the windows lasts (default: 2)")
    given = parser.parse_args()
    for kind in given.database or DATABASES:
        print(f"\n{kind}\n", flush=True)
        try:
            for line in measure_cleanup(kind, given.expired, given.seconds):
                print(line, flush=True)
        except NotHere as reason:
            print(f"not here: {reason}")


if __name__ == "__main__":
    main()
