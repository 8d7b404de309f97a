"""How soon the service answers, and how much memory it holds, on a database that has been migrated."""

import statistics
import time
from collections.abc import Iterator, Mapping

import psutil

from tests.bench.serving import family, running
from tests.support.servers import ROOT

STARTS = 3
SETTLE_SECONDS = 1  # until the second worker has started too
GOAL_SECONDS, GOAL_MEGABYTES = 1.0, 130


def measure_start(settings: Mapping[str, str]) -> Iterator[str]:
    """Start the service some times, and say what came of it."""
    seconds, cpu, megabytes = [], [], []
    for _ in range(STARTS):
        with running(str(ROOT / "run.py"), **settings) as service:
            seconds.append(service.started_in)
            time.sleep(SETTLE_SECONDS)
            cpu.append(sum(_cpu_seconds(pid) for pid in family(service.pid)))
            megabytes.append(service.memory())
    answer, work, memory = map(statistics.median, (seconds, cpu, megabytes))
    yield (
        f"A later start answers after {answer:.2f} s (goal {GOAL_SECONDS}) and takes {work:.2f} s of CPU; "
        f"2 workers and their parent hold {memory:.0f} MB then (goal {GOAL_MEGABYTES})."
    )


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
