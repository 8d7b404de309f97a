"""A program that serves, in a process and a temporary folder of its own: how soon it answers, and what it holds."""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import unused_port
from tests.support.servers import ROOT


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
    port = unused_port()
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
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            return False
    return True
