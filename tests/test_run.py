"""The service as production runs it: `python run.py`, two workers behind one port."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.client import HTTPConnection, HTTPException

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config import ROOT, new_signing_key
from tests.support.ports import unused_port
from tests.support.profile import in_ci, long, sized

TOKEN = "a token for Prometheus"
WORKERS = {"WORKERS": sized("1", "2")}  # each takes a second to start
# As systemd does it: the socket is the fourth descriptor, and the process is told that it is meant.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], os.environ | {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
"""


class Service:
    """One `python run.py` of its own."""

    def __init__(self, folder, handed_over=None, **settings):
        self.port = handed_over.getsockname()[1] if handed_over else unused_port()
        environ = {
            "PATH": os.environ["PATH"], "PORT": str(self.port), "INSTANCE_PATH": str(folder), "BCRYPT_ROUNDS": "4",
            "DATABASE_URL": f"sqlite:///{folder / 'latchkey.db'}", "MAIL_DELIVERER": "off",
        }  # fmt: skip
        self.log = folder / f"log-{self.port}"
        with self.log.open("w") as log:
            command, descriptors = [sys.executable, str(ROOT / "run.py")], ()
            if handed_over:
                descriptors = (handed_over.fileno(),)
                command = [sys.executable, "-c", HAND_OVER, str(handed_over.fileno()), *command]
            self.process = subprocess.Popen(
                command, cwd=folder, env=environ | settings, stdout=log, stderr=log, pass_fds=descriptors
            )

    def ready(self, seconds=30):
        """The service, once it answers."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                    return self
            except OSError:
                time.sleep(0.05)
        pytest.fail(self.log.read_text())

    def ask(self, path, **headers):
        """Status, headers and body of a GET on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        found = answer.status, answer.headers, answer.read().decode()
        connection.close()
        return found

    def stop(self):
        """Stop it as a container runtime would; gives its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def production():
    return {
        "APP_ENV": "production", "SECRET_KEY": os.urandom(30).hex(), "SIGNING_KEY": new_signing_key(),
        "PUBLIC_URL": "https://accounts.example.com", "WORKERS": "2", "THREADS": "4",
        "METRICS": "on", "METRICS_TOKEN": TOKEN, "DRAIN_SECONDS": "0",
    }  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("production"), **production()).ready()
    yield service
    service.stop()


def count(service, route):
    """How often a route was called, and by how many workers it was counted, as the page has it."""
    _, _, text = service.ask("/metrics", Authorization=f"Bearer {TOKEN}")
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    found = [each for each in samples if each.name == "latchkey_requests_total" and each.labels["route"] == route]
    assert len(found) == 1
    return found[0].value


def test_two_workers_give_one_sum(service):
    service.ask("/healthz")
    before = count(service, "/healthz")
    for _ in range(40):
        service.ask("/healthz")
    assert [count(service, "/healthz") - before for _ in range(10)] == [40] * 10
    assert len(list(workers(service.process.pid))) == 2


def workers(pid):
    """The processes that serve."""
    with open(f"/proc/{pid}/task/{pid}/children") as children:  # noqa: PTH123 - no file on any disk
        yield from children.read().split()


def test_log_lines_are_json_without_query_strings(service):
    _, headers, _ = service.ask("/healthz?token=eyJhbGciOi")
    name = headers["X-Request-ID"]
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert [line["route"] for line in lines if line.get("request_id") == name] == ["/healthz"]
    assert "eyJ" not in service.log.read_text()


def test_headers_without_end_are_refused(service):
    with socket.create_connection(("127.0.0.1", service.port), 10) as connection:
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000)
            answer = connection.recv(1_000)
        except ConnectionError:
            answer = b""
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(("size", "status"), [(60_000, 400), (70_000, 413)])
def test_a_body_may_have_64_kib_and_no_more(service, size, status):
    connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.request("POST", "/api/v1/auth/login", b" " * size, {"Content-Type": "application/json"})
    assert connection.getresponse().status == status
    connection.close()


@long
def test_it_stops_at_once_when_it_is_told_to(tmp_path):
    service = Service(tmp_path, **production() | WORKERS).ready()
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 8


@in_ci
@long
def test_told_twice_it_does_not_wait(tmp_path):
    service = Service(tmp_path, **production() | WORKERS | {"DRAIN_SECONDS": "30"}).ready()
    service.process.send_signal(signal.SIGTERM)
    while service.ask("/readyz")[0] == 200:
        time.sleep(0.01)
    assert service.stop() == 0


@long
def test_before_it_stops_it_sends_everybody_elsewhere(tmp_path):
    service = Service(tmp_path, **production() | WORKERS | {"DRAIN_SECONDS": "1"}).ready()
    service.process.send_signal(signal.SIGTERM)
    end = time.monotonic() + 5
    while (found := service.ask("/readyz"))[0] == 200 and time.monotonic() < end:
        time.sleep(0.01)
    assert (found[0], json.loads(found[2])["detail"]) == (503, "Not ready: the process is stopping.")
    status, headers, _ = service.ask("/healthz")
    assert (status, headers["Connection"]) == (200, "close")
    assert service.process.wait(20) == 0


@in_ci
@long
def test_restart_on_a_systemd_socket_loses_no_request(tmp_path):
    told = production() | WORKERS
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as kept:
        service = Service(tmp_path, kept, **told).ready()
        stop, outcomes = threading.Event(), []
        callers = [threading.Thread(target=call_until, args=(stop, service, outcomes)) for _ in range(8)]
        for caller in callers:
            caller.start()
        until_there_are(100, outcomes)
        assert service.stop() == 0
        service = Service(tmp_path, kept, **told).ready()
        until_there_are(len(outcomes) + 100, outcomes)
        stop.set()
        for caller in callers:
            caller.join()
        service.stop()
    assert set(outcomes) == {200}


def until_there_are(count, outcomes):
    """Wait for so many."""
    while len(outcomes) < count:
        time.sleep(0.01)


def call_until(stop, service, outcomes):
    """Ask again and again, each time on a connection of its own; note the statuses, or what went wrong."""
    while not stop.is_set():
        try:
            outcomes.append(service.ask("/healthz")[0])
        except (OSError, HTTPException) as failure:
            outcomes.append(repr(failure))
