"""What a request costs on the server: microseconds of CPU, divided among the layers by a profile of the same seconds.

py-spy samples the stacks of all workers from outside, of the thread that holds the GIL: threads that wait do not count.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tests.bench.load import Sample

# The first of these that the innermost frames name decides, from the call that runs outwards.
LAYERS: Final = (
    ("hash", ("/bcrypt/", "/hash_slots.py", "/passwords.py")),
    ("log", ("/logging/", "/core/logs.py", "/request_logging.py")),
    ("sign", ("/domain/tokens/", "/jwt/", "/cryptography/", "/steps/issue_tokens.py")),
    ("statement", ("/sqlalchemy/", "/psycopg/", "/pymysql/", "/core/compiled.py", "/core/database.py",
                   "/core/sqlite.py", "/core/write_turns.py", "/core/unit_of_work.py")),
    ("guard", ("/web/guards.py", "/web/transports/", "/web/limits.py", "/flask_limiter/", "/limits/")),
    ("render", ("/pydantic/", "/pydantic_core/", "/web/endpoint.py", "/web/schemas.py")),
    ("hooks", ("/web/headers.py", "/web/cors.py", "/web/metrics.py", "/prometheus_client/", "/flask_cors/",
               "/flasgger/", "/web/trusted_hosts.py", "/web/pages/errors.py", "/web/client_info.py")),
    ("context", ("/flask/", "/werkzeug/", "/flask_sqlalchemy/", "/app/current.py", "/web/application.py")),
    ("server", ("/granian/", "/web/bodies.py", "/web/granian_server.py")),
)  # fmt: skip
Load = Callable[[int], Future[Sample]]
START_SECONDS: Final = 3  # that py-spy takes to start
OTHER: Final = "flows"  # everything else is code of the service


@dataclass(frozen=True)
class Cost:
    """Microseconds of CPU per request, in all and by layer."""

    microseconds: float
    layers: dict[str, float]


def measure_cost(pid: int, seconds: int, prepare: Callable[[], Load], flame_graph: Path) -> Cost:
    """Measure the process `pid` and its children under a load, and write a flame graph for a browser.

    `prepare` signs in, and returns what starts the load for a number of seconds.
    """
    load = prepare()
    before = _cpu_seconds(pid)
    sample = load(seconds).result()
    each = 1e6 * (_cpu_seconds(pid) - before) / max(sample.rate * seconds, 1)
    running = prepare()(2 * (seconds + START_SECONDS))  # once more, because the profiler slows the workers
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder, "stacks")
        _record(pid, seconds, "raw", stacks)
        _record(pid, seconds, "flamegraph", flame_graph)
        layers = _by_layer(stacks.read_text())
    running.result()
    total = sum(layers.values()) or 1
    return Cost(each, {layer: each * count / total for layer, count in layers.items()})


def layer_of(stack: str) -> str:
    """The layer of one stack of py-spy, whose frames are separated by semicolons, the innermost last."""
    for frame in reversed(stack.split(";")):
        for layer, paths in LAYERS:
            if any(path in frame for path in paths):
                return layer
    return OTHER


def _by_layer(stacks: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        if count.isdigit():  # a process without a sample has a line without a count
            counts[layer_of(stack)] += int(count)
    return counts


def _record(pid: int, seconds: int, form: str, output: Path) -> None:
    program = Path(sys.executable).with_name("py-spy")
    subprocess.run(
        [program, "record", "--pid", str(pid), "--subprocesses", "--duration", str(seconds), "--rate", "200",
         "--gil", "--nonblocking", "--full-filenames", "--format", form, "--output", str(output)],
        check=True, capture_output=True,
    )  # fmt: skip


def _cpu_seconds(pid: int) -> float:
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in [process, *process.children(recursive=True)]]
    return sum(each.user + each.system for each in times)
