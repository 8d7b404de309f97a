"""When delivery of a message is retried, and when it is given up."""

import random
from datetime import timedelta

import pytest

from app.domain.mail.retry_policy import next_attempt
from tests.support.mail_app import NOON


class Even(random.Random):
    """A source of jitter without jitter."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def delay(attempts: int, age: timedelta) -> float:
    due_at = next_attempt(attempts, NOON, NOON + age, Even())
    assert due_at is not None
    return (due_at - NOON - age).total_seconds()


def test_the_delay_starts_at_five_seconds_and_doubles() -> None:
    assert [delay(attempts, timedelta()) for attempts in (1, 2, 3)] == [5, 10, 20]


def test_messages_are_retried_within_a_minute_after_an_outage() -> None:
    assert max(delay(attempts, timedelta(minutes=10)) for attempts in range(1, 200)) <= 60


def test_no_delay_is_longer_than_an_hour() -> None:
    assert delay(200, timedelta(days=2)) == 3600


@pytest.mark.parametrize("seed", range(20))
def test_jitter_moves_a_delay_by_a_fifth_at_most(seed: int) -> None:
    due_at = next_attempt(1, NOON, NOON, random.Random(seed))
    assert due_at is not None
    assert 4 <= (due_at - NOON).total_seconds() <= 6


def test_message_is_given_up_after_three_days() -> None:
    assert next_attempt(9, NOON, NOON + timedelta(days=3), Even()) is None
