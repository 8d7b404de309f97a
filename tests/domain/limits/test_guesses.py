"""How often an account may be guessed at, whoever guesses, in however many threads."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from app.core.errors import Busy, Forbidden, TooMany
from app.domain.limits.counters import Counters
from app.domain.limits.guesses import WINDOWS, Guesses

ANN, BOB = "ann@example.com", "bob@example.com"
AT_ONCE = WINDOWS[0].amount


@pytest.fixture(params=["memory", "redis"])
def guesses(request):
    """Counted here, and in a real Redis."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    return Guesses(Counters(url), enabled=True)


def guess(guesses, account=ANN, device=None, *, refusal=Forbidden):
    """One guess that is refused, or right if `refusal` is None; whether it was looked at."""
    looked_at = False
    with suppress(Forbidden, Busy, TooMany), guesses.at(account, device):
        looked_at = True
        if refusal:
            raise refusal
    return looked_at


def test_after_so_many_wrong_ones_none_is_looked_at(guesses):
    assert [guess(guesses) for _ in range(AT_ONCE + 3)] == [True] * AT_ONCE + [False] * 3


def test_whoever_is_refused_is_told_for_how_long(guesses):
    for _ in range(AT_ONCE):
        guess(guesses)
    with pytest.raises(TooMany) as refused, guesses.at(ANN):
        pass
    assert 890 <= refused.value.retry_after <= 900


def test_parallel_guesses_are_no_more_than_serial_ones(guesses):
    with ThreadPoolExecutor(32) as threads:
        looked_at = list(threads.map(lambda _: guess(guesses), range(200)))
    assert sum(looked_at) == AT_ONCE


@pytest.mark.parametrize("refusal", [None, Busy])
def test_a_right_one_and_one_that_could_not_be_looked_at_do_not_count(guesses, refusal):
    assert all(guess(guesses, refusal=refusal) for _ in range(5 * AT_ONCE))
    assert [guess(guesses) for _ in range(AT_ONCE + 1)] == [True] * AT_ONCE + [False]


def test_a_right_one_makes_no_wrong_one_undone(guesses):
    for _ in range(AT_ONCE - 1):
        guess(guesses)
    guess(guesses, refusal=None)
    assert [guess(guesses), guess(guesses)] == [True, False]


def test_one_account_s_guesses_are_not_another_s(guesses):
    for _ in range(AT_ONCE):
        guess(guesses)
    assert guess(guesses, BOB)


def test_a_device_has_an_allowance_of_its_own_and_no_more(guesses):
    for _ in range(AT_ONCE):
        guess(guesses)
    assert [guess(guesses, device="phone") for _ in range(AT_ONCE + 1)] == [True] * AT_ONCE + [False]
    assert guess(guesses, device="laptop")


def test_what_is_refused_does_not_count_towards_the_longer_windows(guesses):
    for _ in range(200):
        guess(guesses)
    counters = guesses._counters
    key = "counted once"
    assert [counters.hit(window, key) for window in WINDOWS] == [True] * len(WINDOWS)
    guesses.forget(ANN)
    assert guess(guesses)


def test_the_wait_grows_and_ends(guesses):
    waits = [window.get_expiry() for window in WINDOWS]
    assert waits == sorted(waits)
    assert waits[-1] == 24 * 3_600


def test_its_owner_lets_an_account_begin_anew(guesses):
    for _ in range(AT_ONCE + 1):
        guess(guesses)
    guesses.forget(ANN)
    assert guess(guesses)


def test_where_limits_are_off_nothing_is_counted():
    off = Guesses(Counters(""), enabled=False)
    assert all(guess(off) for _ in range(5 * AT_ONCE))
