"""Processes take turns to write to one SQLite database."""

import fcntl
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.core.database import db
from app.core.write_turns import WriteTurn
from tests.support.api import is_problem, sign_up


@pytest.fixture
def turn(tmp_path):
    """Make a turn for the one database, as each process has it."""
    made = []

    def make(timeout=5.0):
        made.append(WriteTurn(tmp_path / "latchkey.db", timeout))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def holder(tmp_path):
    """The id of a process that has taken the turn and does not release it."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        WriteTurn(tmp_path / "latchkey.db", 5).take()
        os.write(told, b"1")
        time.sleep(60)
        os._exit(1)
    os.read(ready, 1)
    yield pid
    for descriptor in (ready, told):
        os.close(descriptor)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_only_one_has_the_turn(turn):
    first, second = turn(), turn(timeout=0.05)
    first.take()
    first.take()
    with pytest.raises(sa.exc.TimeoutError):
        second.take()
    first.release()
    second.take()


def test_one_that_waits_comes_before_the_next_turn(turn):
    first, second, order = turn(), turn(), []

    def write():
        second.take()
        order.append("second")
        second.release()

    for _ in range(20):
        first.take()
        waiting = threading.Thread(target=write)
        waiting.start()
        while turn_is_free(second):
            time.sleep(0.001)
        first.release()
        first.take()
        order.append("first")
        first.release()
        waiting.join()
    assert order == ["second", "first"] * 20


def turn_is_free(turn):
    """Whether no one waits: the one that waits holds the lock `next`."""
    descriptor = os.open(Path(f"/proc/self/fd/{turn._next}").readlink(), os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def test_killed_process_releases_its_turn(turn, holder):
    with pytest.raises(sa.exc.TimeoutError):
        turn(timeout=0.05).take()
    os.kill(holder, signal.SIGKILL)
    turn().take()


@pytest.mark.own_app
def test_write_that_gets_no_turn_is_503(app, client, monkeypatch):
    ann = sign_up(client)
    with app.app_context():
        monkeypatch.setattr("app.core.sqlite.BUSY_TIMEOUT_MS", 100)
        db.engine.dispose()  # the next connection has the short timeout
        other = WriteTurn(Path(str(db.engine.url.database)), 5)
        other.take()
    try:
        answers = [
            client.post("/api/v1/auth/refresh", json={"refresh_token": ann["refresh_token"]}),
            client.post("/api/v1/auth/signup", json={"email": "bob@example.com", "password": "correct horse battery"}),
        ]
    finally:
        other.close()
    for answer in answers:
        assert is_problem(answer, 503, "database_unavailable")
        assert "Retry-After" in answer.headers
    assert client.post("/api/v1/auth/refresh", json={"refresh_token": ann["refresh_token"]}).status_code == 200
