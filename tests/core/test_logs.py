"""What a log line contains, and what it never contains."""

import json
import logging
import sys

import pytest

from app.core import logs
from app.core.logs import JsonLines, TextLines


def record(message, *args, error=None, level=logging.INFO):
    return logging.LogRecord("app.test", level, __file__, 1, message, args, error)


@pytest.fixture(autouse=True)
def _outside_of_any_request():
    logs.reset()
    yield
    logs.reset()


@pytest.fixture
def failure():
    try:
        raise ValueError("token=eyJhbGciOi")
    except ValueError:
        return sys.exc_info()


def test_json_log_line_has_time_message_and_level():
    line = json.loads(JsonLines().format(record("email %s sent", 7, level=logging.WARNING)))
    assert (line["message"], line["level"], line["logger"]) == ("email 7 sent", "warning", "app.test")
    assert line["time"].endswith("+00:00")


def test_bound_values_appear_in_lines_until_the_next_request():
    logs.reset(request_id="r1")
    logs.bind(account_id="a1", session_id=None)
    assert JsonLines().format(record("x")).endswith('"request_id":"r1","account_id":"a1"}')
    logs.reset(request_id="r2")
    assert "a1" not in JsonLines().format(record("x"))


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_logged_values_cannot_start_a_new_line(form):
    line = form.format(record("hello %s", "\r\nERROR all is lost\x1b[31m\u2028\x85\x00"))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_json_exception_has_type_and_location_without_its_message(failure):
    text = JsonLines().format(record("unexpected error", error=failure))
    line = json.loads(text)
    assert line["error"] == "builtins.ValueError"
    assert "test_logs.py" in line["where"][0]
    assert "eyJ" not in text


def test_a_developer_sees_the_whole_traceback(failure):
    assert "ValueError: token=eyJ" in TextLines().format(record("unexpected error", error=failure))


@pytest.mark.parametrize(("form", "kind"), [("json", JsonLines), ("text", TextLines)])
def test_the_setting_chooses_the_form(form, kind):
    told = logs.configuration(form, "debug")
    assert told["formatters"]["lines"]["()"] is kind
    assert told["loggers"]["app"]["level"] == "DEBUG"
