"""How many passwords may be hashed at once, and what happens to further calls."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest

from app.core.database import db
from app.domain.accounts.hash_slots import WAIT_SECONDS, HashSlots, HashSlotsFull
from tests.support.api import ANN, is_problem, log_in, me, refresh, sign_up


class Gate:
    """Work that starts, and ends when the gate is opened."""

    def __init__(self):
        self.begun, self._open = threading.Semaphore(0), threading.Event()

    def __call__(self):
        self.begun.release()
        assert self._open.wait(60)
        return "done"

    def open(self):
        """Let all waiting work end."""
        self._open.set()


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def crowd():
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture
def slow_hashes(monkeypatch, gate):
    """Call it to make every further hash wait at the gate."""
    work = bcrypt.hashpw
    return lambda: monkeypatch.setattr(bcrypt, "hashpw", lambda password, salt: gate() and work(password, salt))


def busy(slots, gate, crowd, count):
    """Fill `count` places; the futures of the calls that have or await a slot."""
    waiting = []
    for _ in range(count):
        waiting.append(crowd.submit(slots.run, gate))
    return waiting


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_work_gives_its_result():
    assert HashSlots(1, queue=0).run(lambda: 7) == 7


def test_work_gives_its_exception_and_its_place_back():
    slots = HashSlots(1, queue=0)
    with pytest.raises(ZeroDivisionError):
        slots.run(lambda: 1 / 0)
    assert slots.run(lambda: 7) == 7


def test_who_finds_no_place_is_told_at_once(gate, crowd):
    slots = HashSlots(1, queue=1)
    inside = crowd.submit(slots.run, gate)
    gate.begun.acquire(timeout=30)
    queued = crowd.submit(slots.run, gate)
    until(lambda: slots.occupancy().waiting == 1)
    with pytest.raises(HashSlotsFull):
        slots.run(gate)
    gate.open()
    assert (inside.result(30), queued.result(30)) == ("done", "done")


def test_a_few_wait_for_a_place_that_is_soon_free(gate, crowd):
    slots = HashSlots(1, queue=0, max_blocked=1)
    inside = crowd.submit(slots.run, gate)
    gate.begun.acquire(timeout=30)
    outside = crowd.submit(slots.run, lambda: 7)
    until(lambda: slots._blocked == 1)
    with pytest.raises(HashSlotsFull):
        slots.run(gate)
    gate.open()
    assert (inside.result(30), outside.result(30)) == ("done", 7)


def test_they_do_not_wait_for_long(gate, crowd):
    rejected = []
    slots = HashSlots(1, queue=0, max_blocked=1, on_rejected=lambda: rejected.append(1))
    inside = crowd.submit(slots.run, gate)
    gate.begun.acquire(timeout=30)
    began = time.monotonic()
    with pytest.raises(HashSlotsFull):
        slots.run(gate)
    assert WAIT_SECONDS <= time.monotonic() - began < 20 * WAIT_SECONDS
    assert (len(rejected), slots._blocked) == (1, 0)
    gate.open()
    assert inside.result(30) == "done"


def test_no_more_than_the_slots_run_at_once(gate, crowd):
    slots = HashSlots(2, queue=4)
    futures = busy(slots, gate, crowd, 5)
    until(lambda: slots.occupancy().waiting == 3)
    assert [gate.begun.acquire(timeout=wait) for wait in (30, 30, 0.1)] == [True, True, False]
    gate.open()
    assert [future.result(30) for future in futures] == ["done"] * 5


def test_a_place_is_free_again_afterwards(gate, crowd):
    slots = HashSlots(1, queue=0)
    inside = crowd.submit(slots.run, gate)
    gate.begun.acquire(timeout=30)
    gate.open()
    inside.result(30)
    assert slots.run(lambda: 7) == 7


@pytest.mark.settings(hash_slots=1)
def test_login_without_a_free_hash_slot_fails_at_once(app, client, gate, crowd, slow_hashes):
    tokens = sign_up(client)
    slow_hashes()
    flood = [crowd.submit(log_in, app.test_client()) for _ in range(5)]  # one slot and a queue of four
    until(lambda: app.extensions["latchkey"].stats.hash_slots().waiting == 4)
    began = time.monotonic()
    answer = log_in(client)
    assert is_problem(answer, 503, "too_many_sign_ins")
    assert (int(answer.headers["Retry-After"]) > 0, time.monotonic() - began < 5) == (True, True)
    assert [me(client, tokens).status_code, refresh(client, tokens).status_code] == [200, 200]
    gate.open()
    assert [future.result(30).status_code for future in flood] == [200] * 5


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/auth/signup"])
def test_no_connection_is_held_while_hashing(each_app, client, gate, crowd, slow_hashes, path):
    if path.endswith("login"):
        sign_up(client)
    slow_hashes()
    answer = crowd.submit(each_app.test_client().post, path, json=ANN)
    assert gate.begun.acquire(timeout=30)
    with each_app.app_context():
        assert [engine.pool.checkedout() for engine in db.engines.values()] == [0, 0]
    gate.open()
    assert answer.result(30).status_code in (200, 201)


def test_no_connection_is_held_while_hashing_a_new_password(app, client, auth, mailbox, gate, crowd, slow_hashes):
    sign_up(client)
    client.post("/api/v1/forgot-password", json={"email": ANN["email"]})
    auth.mail_delivery.deliver_due()
    slow_hashes()
    body = {"reset_token": mailbox.messages[-1].token, "password": "a new horse battery"}
    answer = crowd.submit(app.test_client().post, "/api/v1/reset-password", json=body)
    assert gate.begun.acquire(timeout=30)
    with app.app_context():
        assert [engine.pool.checkedout() for engine in db.engines.values()] == [0, 0]
    gate.open()
    assert answer.result(30).status_code == 200
