"""Starting in other ways than `python run.py`, and what prevents a start."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.parse import urlsplit

import pytest

from config import ROOT, new_signing_key
from tests.support.ports import unused_port
from tests.support.profile import in_ci

PASSWORD = "correct horse battery"
SERVED_BY_ANOTHER = """
import json, pathlib, threading
from concurrent.futures import ThreadPoolExecutor
from app import create_app

app = create_app()
loaded = threading.active_count()
refused = app.test_client().get("/healthz")
pathlib.Path("data").mkdir()
with ThreadPoolExecutor(4) as callers:
    list(callers.map(lambda _: app.test_client().get("/healthz"), range(4)))
    names = sorted(thread.name for thread in threading.enumerate() if "Executor" not in thread.name)
print(json.dumps([loaded, refused.status_code, refused.text, names, app.test_client().get("/readyz").status_code]))
"""


@pytest.fixture
def environ(tmp_path):
    """Settings of a machine on which the service was never started."""
    return {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "INSTANCE_PATH": str(tmp_path / "instance"),
        "PORT": str(unused_port()), "MAIL_PORT": str(unused_port()), "BCRYPT_ROUNDS": "4",
    }  # fmt: skip


@pytest.fixture
def start(environ, tmp_path):
    """`start("flask", "run")`: a process and the file with its output. It ends with the test."""
    running = []

    def start(*command, **settings):
        log = tmp_path / f"log-{len(running)}"
        with log.open("w") as output:
            running.append(subprocess.Popen(
                [sys.executable, "-m", *command], env=environ | settings, cwd=tmp_path, stdout=output, stderr=output,
                start_new_session=True,
            ))  # fmt: skip
        return running[-1], log

    yield start
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(environ, folder, *command, **settings):
    """Exit status and output of a command."""
    done = subprocess.run(
        [sys.executable, *command], env=environ | settings, cwd=folder, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def ask(port, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, json.dumps(body).encode() if body else None, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


def ready(process, log, port):
    """Wait until it is ready."""
    while process.poll() is None:
        try:
            return ask(port, "/readyz")
        except OSError:
            time.sleep(0.05)
    return pytest.fail(log.read_text())


@in_ci
def test_flask_run_delivers_each_email_once(environ, start):
    ports = [unused_port(), unused_port()]
    one, log = start("flask", "--app", "app", "run", "--port", str(ports[0]))
    ready(one, log, ports[0])
    other, other_log = start("flask", "--app", "app", "run", "--debug", "--port", str(ports[1]))
    ready(other, other_log, ports[1])
    for number, port in enumerate(ports):
        ask(port, "/api/v1/auth/signup", {"email": f"ann.{number}@example.com", "password": PASSWORD})
    while len(emails := ask(ports[0], "/dev/mailbox.json")["messages"]) < 2:
        time.sleep(0.05)
    assert sorted(email["to"] for email in emails) == ["ann.0@example.com", "ann.1@example.com"]
    assert {urlsplit(link).port for email in emails for link in email["links"]} <= set(ports)
    assert f"localhost:{ports[0]}/dev/mailbox shows all emails" in log.read_text()
    # Two processes print there, but the one that watches the files starts nothing.
    [said] = re.findall(r"Mailbox .*", other_log.read_text())
    assert f"another mail server uses localhost:{environ['MAIL_PORT']}" in said


def test_another_server_starts_everything_with_the_first_request(environ, tmp_path):
    url = f"sqlite:///{tmp_path / 'data' / 'latchkey.db'}"
    status, said = run(environ, tmp_path, "-c", SERVED_BY_ANOTHER, DATABASE_URL=url)
    loaded, refused, text, names, is_ready = json.loads(
        next(line for line in said.splitlines() if line.startswith("[1"))
    )
    assert (status, loaded, refused, is_ready) == (0, 1, 503, 200)
    assert text.startswith("DATABASE_URL: the database cannot be used.")
    assert len([name for name in names if re.search("deliver|seal|cleanup", name)]) == 3
    assert len(names) == 5


@in_ci
def test_production_is_started_by_run_py_alone(environ, tmp_path):
    settings = {
        "APP_ENV": "production", "SECRET_KEY": os.urandom(30).hex(), "SIGNING_KEY": new_signing_key(),
        "PUBLIC_URL": "https://accounts.example.com", "DATABASE_URL": f"sqlite:///{tmp_path}/latchkey.db",
    }  # fmt: skip
    status, said = run(environ, tmp_path, "-m", "flask", "--app", "app", "run", **settings)
    assert (status, said.startswith("Error: In production start the service with `python run.py`")) == (1, True)
    status, said = run(environ, tmp_path, "-c", "import app; app.create_app()", **settings)
    assert (status, "python run.py" in said) == (1, True)
    status, said = run(environ, tmp_path, "-m", "flask", "--app", "app", "db", "upgrade", **settings)
    assert (status, "Traceback" in said) == (0, False)


def test_a_wrong_setting_is_named_by_flask_too(environ, tmp_path):
    status, said = run(environ, tmp_path, "-m", "flask", "--app", "app", "run", MAIL_PORT="x")
    assert (status, said.startswith("Error: MAIL_PORT: ")) == (1, True)


@pytest.mark.parametrize("name", ["PORT", "MAIL_PORT"])
def test_a_taken_port_is_named_with_one_that_is_free(environ, tmp_path, name):
    with socket.create_server(("127.0.0.1", int(environ[name]))):
        status, said = run(environ, tmp_path, str(ROOT / "run.py"))
    proposed = re.fullmatch(rf"{name} {environ[name]} is in use.*\. Use another: {name}=(\d+) make run\n", said)
    assert (status, bool(proposed)) == (2, True)
    socket.create_server(("127.0.0.1", int(proposed[1]))).close()
