"""Active requests: how many run at once, and what does not count."""

import threading
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from app.core import active_requests as module
from app.core.active_requests import ActiveRequests, active_requests
from app.core.sqlite import WritingPool

LONG = 30


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", LONG)


@pytest.fixture
def requests():
    limited = ActiveRequests()
    limited.limit(1)
    return limited


def second_request(requests):
    """A request of another thread, and the event that it sets once it is active."""
    active = threading.Event()

    def handle():
        with requests.handle():
            active.set()

    thread = threading.Thread(target=handle, daemon=True)
    thread.start()
    return thread, active


def test_second_request_waits_for_the_first(requests):
    with requests.handle():
        thread, active = second_request(requests)
        assert not active.wait(0.05)
    thread.join(LONG)
    assert active.is_set()


def test_waiting_request_lets_another_run(requests):
    with requests.handle(), requests.wait():
        thread, active = second_request(requests)
        assert active.wait(LONG)
        thread.join(LONG)
    with requests.handle():  # the slot was given back once, and taken once
        assert not second_request(requests)[1].wait(0.05)


def test_patient_request_runs_in_the_end(requests, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    with requests.handle():
        assert second_request(requests)[1].wait(LONG)


def test_failed_request_lets_another_run(requests):
    with pytest.raises(KeyError), requests.handle():
        raise KeyError
    assert second_request(requests)[1].wait(LONG)


def test_work_without_a_request_is_not_counted(requests):
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(requests.wait())
    requests.resume()
    assert second_request(requests)[1].wait(LONG)


def test_unlimited_requests_run_at_once():
    requests = ActiveRequests()
    with requests.handle():
        assert second_request(requests)[1].wait(LONG)


def test_request_that_writes_is_not_active(tmp_path, monkeypatch):
    monkeypatch.setattr(active_requests, "_free", threading.Semaphore(1))
    engine = sa.create_engine(f"sqlite:///{tmp_path}/x.db", poolclass=WritingPool, pool_size=1, max_overflow=0)
    with active_requests.handle():
        with engine.connect():
            assert second_request(active_requests)[1].wait(LONG)
        assert not second_request(active_requests)[1].wait(0.05)
    engine.dispose()


def test_request_without_a_connection_is_active_again(tmp_path, monkeypatch):
    monkeypatch.setattr(active_requests, "_free", threading.Semaphore(1))
    engine = sa.create_engine(
        f"sqlite:///{tmp_path}/x.db", poolclass=WritingPool, pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    with engine.connect(), active_requests.handle():
        with pytest.raises(sa.exc.TimeoutError):
            engine.connect()
        assert not second_request(active_requests)[1].wait(0.05)
    engine.dispose()
