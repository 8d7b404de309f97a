"""Base classes of errors."""

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


def test_error_has_the_detail_of_its_class_unless_given_one():
    assert (Invalid().message, Invalid("Because.").message) == (Invalid.detail, "Because.")


@pytest.mark.parametrize("kind", [RateLimited, Unavailable])
def test_temporary_errors_say_when_to_retry(kind):
    assert (kind().retry_after, kind(retry_after=9).retry_after) == (1, 9)
    assert issubclass(kind, RetryLater)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (60, "60 seconds"), (119, "119 seconds"), (120, "2 minutes"), (898, "15 minutes"),
     (900, "15 minutes"), (7_199, "120 minutes"), (7_200, "2 hours"), (86_399, "24 hours")],
)  # fmt: skip
def test_duration_is_written_in_a_suitable_unit(seconds, words):
    assert duration_text(seconds) == words
    assert RateLimited(retry_after=seconds).message == f"Too many attempts. Try again in {words}."


def test_only_transient_database_errors_are_retried():
    assert [
        Unavailable().transient,
        DatabaseUnavailable().transient,
        DatabaseUnavailable(transient=True).transient,
    ] == [False, False, True]


def test_text_of_an_error_is_its_detail():
    assert str(ServiceError("Not today.")) == "Not today."
