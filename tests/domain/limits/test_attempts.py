"""How many wrong attempts an account allows, from any number of clients and threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.counting import parse_rates
from app.core.errors import RateLimited
from app.domain.limits.attempts import AttemptLimiter
from app.domain.limits.counters import Counters

ANN, BOB = "ann@example.com", "bob@example.com"
WINDOWS = parse_rates("50 per day; 10 per 15 minutes; 20 per hour")
BURST = 10


@pytest.fixture(params=["memory", "redis"])
def guesses(request):
    """Counters in this process, and in a real Redis."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    return AttemptLimiter(Counters(url), WINDOWS)


def guess(guesses, account=ANN, device=None, *, right=False):
    """One attempt; whether it got a result."""
    try:
        return guesses.attempt(account, device).settle(right=right) is None
    except RateLimited:
        return False


def is_locked(guesses, account=ANN):
    """Whether an attempt is rejected unchecked."""
    try:
        guesses.attempt(account)
    except RateLimited:
        return True
    return False


def test_after_so_many_wrong_ones_none_is_looked_at(guesses):
    assert [guess(guesses) for _ in range(BURST + 3)] == [True] * BURST + [False] * 3
    assert is_locked(guesses)


def test_rate_limited_attempt_says_when_to_retry(guesses):
    for _ in range(BURST):
        guess(guesses)
    with pytest.raises(RateLimited) as refused:
        guesses.attempt(ANN)
    assert 890 <= refused.value.retry_after <= 900


def test_attempts_in_flight_do_not_count(guesses):
    attempts = [guesses.attempt(ANN) for _ in range(5 * BURST)]
    assert [attempt.settle(right=True) for attempt in attempts] == [None] * 5 * BURST
    assert not is_locked(guesses)


def test_a_right_guess_after_the_limit_is_refused(guesses):
    attempts = [guesses.attempt(ANN) for _ in range(BURST + 3)]
    results = [attempt.settle(right=number > BURST) for number, attempt in enumerate(attempts)]
    assert results[:BURST] == [None] * BURST
    assert [890 <= late.retry_after <= 900 for late in results[BURST:]] == [True] * 3


def test_parallel_attempts_are_limited_like_serial_ones(guesses):
    with ThreadPoolExecutor(32) as threads:
        attempts = list(threads.map(lambda _: guesses.attempt(ANN), range(200)))
        results = list(threads.map(lambda attempt: attempt.settle(right=False), attempts))
        late = list(threads.map(lambda attempt: attempt.settle(right=True), attempts[:5]))
    assert results.count(None) == BURST
    assert None not in late


def test_right_guesses_do_not_count(guesses):
    assert all(guess(guesses, right=True) for _ in range(5 * BURST))
    assert [guess(guesses) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_a_right_one_makes_no_wrong_one_undone(guesses):
    for _ in range(BURST - 1):
        guess(guesses)
    guess(guesses, right=True)
    assert [guess(guesses), guess(guesses)] == [True, False]


def test_one_account_s_guesses_are_not_another_s(guesses):
    for _ in range(BURST):
        guess(guesses)
    assert guess(guesses, BOB)


def test_trusted_device_has_its_own_bounded_allowance(guesses):
    for _ in range(BURST):
        guess(guesses)
    assert [guess(guesses, device="phone") for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert guess(guesses, device="laptop")


def test_what_is_refused_does_not_count_in_longer_windows(guesses):
    attempts = [guesses.attempt(ANN) for _ in range(200)]
    assert sum(attempt.settle(right=False) is None for attempt in attempts) == BURST
    counters, key = attempts[0].counters, attempts[0].key
    assert [counters.is_reached(window, key) for window in WINDOWS] == [True, False, False]
    counters.reset(WINDOWS[0], key)  # as after a quarter of an hour
    assert [guess(guesses) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_the_wait_grows_and_ends(guesses):
    waits = [window.get_expiry() for window in WINDOWS]
    assert waits == sorted(waits)
    assert waits[-1] == 24 * 3_600


def test_successful_attempt_resets_the_counter(guesses):
    for _ in range(BURST + 1):
        guess(guesses)
    guesses.reset(ANN)
    assert guess(guesses)


def test_where_limits_are_off_nothing_is_counted():
    off = AttemptLimiter(Counters(""), ())
    assert all(guess(off) for _ in range(5 * BURST))
