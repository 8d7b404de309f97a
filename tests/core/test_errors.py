"""Kinds of refusal."""

import pytest

from app.core.errors import (
    DatabaseUnavailable,
    Invalid,
    RateLimited,
    RetryLater,
    ServiceError,
    Unavailable,
    duration_text,
)


def test_a_refusal_speaks_its_kind_s_words_unless_told_others():
    assert (Invalid().message, Invalid("Because.").message) == (Invalid.detail, "Because.")


@pytest.mark.parametrize("kind", [RateLimited, Unavailable])
def test_what_may_work_later_says_when(kind):
    assert (kind().retry_after, kind(retry_after=9).retry_after) == (1, 9)
    assert issubclass(kind, RetryLater)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (60, "60 seconds"), (119, "119 seconds"), (120, "2 minutes"), (898, "15 minutes"),
     (900, "15 minutes"), (7_199, "120 minutes"), (7_200, "2 hours"), (86_399, "24 hours")],
)  # fmt: skip
def test_a_wait_is_told_in_fitting_words(seconds, words):
    assert duration_text(seconds) == words
    assert RateLimited(retry_after=seconds).message == f"Too many attempts. Try again in {words}."


def test_only_a_database_that_stumbled_is_tried_again():
    assert [
        Unavailable().transient,
        DatabaseUnavailable().transient,
        DatabaseUnavailable(transient=True).transient,
    ] == [False, False, True]


def test_a_refusal_is_a_sentence():
    assert str(ServiceError("Not today.")) == "Not today."
