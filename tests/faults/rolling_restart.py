"""Two instances on one database are restarted in turn under load: how many requests fail?

    python -m tests.faults.rolling_restart --seconds 20

The clients do what a proxy in front would: they take the instances in turn, go to the other when a connection is
refused, and send a GET again, never a POST, when a kept connection turns out to be closed before anything came back.
"""

import argparse
import http.client
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from config import ROOT, new_signing_key
from tests.support.ports import unused_port

PERSON = {"email": "ann@example.com", "password": "correct horse battery"}
CLIENTS = 16
Serve = Callable[[int], list[str]]


def by_run_py(_port: int) -> list[str]:
    """The command that serves; its port is in the environment."""
    return [sys.executable, str(ROOT / "run.py")]


class Instance:
    """One service on a port of its own, which can be restarted."""

    def __init__(self, folder: Path, environment: dict[str, str], serve: Serve) -> None:
        self.port = unused_port()
        self._folder, self._environment, self._serve = folder, environment | {"PORT": str(self.port)}, serve
        self.drained: list[float] = []

    def start(self) -> None:
        """Start, and wait until it is ready."""
        with Path(self._folder, f"log-{self.port}").open("a") as log:
            command = self._serve(self.port)
            self.process = subprocess.Popen(command, cwd=self._folder, env=self._environment, stdout=log, stderr=log)
        while not self._ready():
            if self.process.poll() is not None:
                sys.exit(Path(self._folder, f"log-{self.port}").read_text())
            time.sleep(0.05)

    def stop(self) -> None:
        """Send SIGTERM, and wait until it has ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.drained.append(time.monotonic() - began)

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


class Client(threading.Thread):
    """Sends one request after the other until told to stop; counts what came of them."""

    def __init__(self, ports: list[int], token: str, stop: threading.Event, *, keep: bool) -> None:
        super().__init__(daemon=True)
        self.outcomes: Counter[str] = Counter()
        self._ports, self._token, self._end, self._keep = itertools.cycle(ports), token, stop, keep
        self._kept: dict[int, http.client.HTTPConnection] = {}

    def run(self) -> None:
        for number in itertools.count():
            if self._end.is_set():
                break
            self.outcomes[self._log_in() if number % 20 == 19 else self._ask()] += 1
        for connection in self._kept.values():
            connection.close()

    def _ask(self) -> str:
        return self._send("GET", "/api/v1/account", None, {"Authorization": f"Bearer {self._token}"})

    def _log_in(self) -> str:
        return self._send("POST", "/api/v1/auth/login", json.dumps(PERSON), {"Content-Type": "application/json"})

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> str:
        for _ in range(4):
            port = next(self._ports)
            kept = self._kept.pop(port, None)
            connection = kept or http.client.HTTPConnection("127.0.0.1", port, timeout=15)
            try:
                if kept is None:
                    connection.connect()
            except ConnectionRefusedError:
                continue  # to the other one
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as failure:
                connection.close()
                if kept is not None and method == "GET":
                    continue
                return f"{method}: {type(failure).__name__}{' on a kept connection' if kept else ''}"
            if self._keep and not answer.will_close:
                self._kept[port] = connection
            else:
                connection.close()
            return "ok" if answer.status == 200 else f"{method}: {answer.status} {json.loads(body).get('code')}"
        return f"{method}: nobody there"


def settings(folder: Path) -> dict[str, str]:
    """What production needs, on SQLite unless DATABASE_URL says otherwise."""
    return {
        "PATH": os.environ["PATH"], "APP_ENV": "production", "SECRET_KEY": secrets.token_urlsafe(48),
        "SIGNING_KEY": new_signing_key(), "PUBLIC_URL": "https://accounts.example.com", "MAIL_DELIVERER": "off",
        "BCRYPT_ROUNDS": "4", "RATELIMIT_ENABLED": "false", "PYTHONPATH": str(ROOT), "INSTANCE_PATH": str(folder),
        "DATABASE_URL": os.environ.get("DATABASE_URL") or f"sqlite:///{folder / 'latchkey.db'}",
        "LOG_LEVEL": "warning",
        "HASH_SLOTS": "64",  # who is turned away because the machine is busy is another story
    }  # fmt: skip


def token_of(port: int) -> str:
    """An access token of a new account."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    connection.request("POST", "/api/v1/auth/signup", json.dumps(PERSON), {"Content-Type": "application/json"})
    told: dict[str, str] = json.loads(connection.getresponse().read())
    return told["access_token"]


def measure(seconds: float, *, keep: bool, serve: Serve = by_run_py) -> tuple[Counter[str], list[float]]:
    """What came of the requests, and how long each instance took to stop."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = settings(folder)
        instances = [Instance(folder, environment, serve) for _ in range(2)]
        for instance in instances:
            instance.start()
            stack.callback(lambda process=instance: suppress(Exception) and process.process.kill())
        stop, token = threading.Event(), token_of(instances[0].port)
        clients = [Client([one.port for one in instances], token, stop, keep=keep) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        end = time.monotonic() + seconds
        for instance in itertools.cycle(instances):
            time.sleep(0.5)
            instance.stop()
            instance.start()
            if time.monotonic() > end:
                break
        stop.set()
        for client in clients:
            client.join(20)
        drained = [each for instance in instances for each in instance.drained]
        for instance in instances:
            instance.stop()
        return sum((client.outcomes for client in clients), Counter()), drained


def main() -> None:
    """Measure with a connection for each request, then with kept connections; exit with 1 if a request failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="how long each of the two runs lasts")
    parser.add_argument("--quick", action="store_true", help="five seconds each")
    given = parser.parse_args()
    failed = 0
    for keep in (False, True):
        outcomes, drained = measure(5 if given.quick else given.seconds, keep=keep)
        wrong = {name: count for name, count in outcomes.items() if name != "ok"}
        failed += sum(wrong.values())
        print(
            f"{'kept connections' if keep else 'a connection each'}: {outcomes.total()} requests, {len(drained)} "
            f"restarts, stopped within {max(drained):.1f} s, {sum(wrong.values())} failed {wrong or ''}",
            flush=True,
        )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
