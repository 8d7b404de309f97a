"""Counting in memory: it is bounded, and many other counts do not evict a limit that was reached."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from limits import parse, parse_many
from limits.strategies import FixedWindowRateLimiter

from app.core.counting import BoundedMemory, CountingStorage
from app.web.limits import limiter

MOST = 50
LIMIT = parse("3 per minute")


@pytest.fixture
def memory():
    return BoundedMemory(MOST)


def count(memory, name, times=1, limit=LIMIT):
    """Count `name` so many times; returns the new count."""
    return [memory.incr(limit.key_for(name), limit.get_expiry()) for _ in range(times)][-1]


def test_a_flood_of_names_drops_no_reached_limit(memory):
    count(memory, "ann", LIMIT.amount)
    for number in range(10 * MOST):
        count(memory, number)
    assert memory.get(LIMIT.key_for("ann")) == LIMIT.amount
    assert sum(memory.get(LIMIT.key_for(number)) for number in range(10 * MOST)) == MOST


def test_the_least_recently_counted_window_is_dropped_first(memory):
    for number in range(MOST):
        count(memory, number)
    count(memory, 0)
    count(memory, "one more")
    assert [memory.get(LIMIT.key_for(name)) for name in (0, 1, 2, "one more")] == [2, 0, 1, 1]


def test_more_reached_limits_than_fit_drop_the_oldest(memory):
    for number in range(MOST + 1):
        count(memory, number, LIMIT.amount)
    counted = [memory.get(LIMIT.key_for(number)) for number in range(MOST + 1)]
    assert counted == [0] + [LIMIT.amount] * MOST
    assert count(memory, "somebody new") == 1


def test_windows_end_where_they_began_however_often_counted(memory, monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr("app.core.counting.time.time", lambda: now[0])
    memory = BoundedMemory(MOST)
    for limit in parse_many("3 per minute; 5 per hour"):
        count(memory, "ann", 3, limit)
        now[0] += 50
        count(memory, "ann", 1, limit)
        assert memory.get_expiry(limit.key_for("ann")) == now[0] - 50 + limit.get_expiry()
        now[0] += limit.get_expiry() - 50
        assert memory.get(limit.key_for("ann")) == 0


def test_no_parallel_count_is_lost(memory):
    with ThreadPoolExecutor(16) as threads:
        counted = list(threads.map(lambda _: count(memory, "ann"), range(500)))
    assert sorted(counted) == list(range(1, 501))


@pytest.mark.settings(ratelimit_enabled=True)
def test_calls_and_guesses_are_counted_by_the_same_storage(app):
    assert isinstance(limiter.storage, CountingStorage)
    windows = FixedWindowRateLimiter(CountingStorage())
    assert [windows.hit(LIMIT, "ann") for _ in range(4)] == [True, True, True, False]
    assert windows.get_window_stats(LIMIT, "ann").remaining == 0
    windows.clear(LIMIT, "ann")
    assert windows.hit(LIMIT, "ann")
    with pytest.raises(NotImplementedError):
        windows.storage.reset()
