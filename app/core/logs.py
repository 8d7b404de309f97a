"""Logs: one JSON object a line for machines, plain lines for people. What is said during a request names that request.

It stands on the lowest floor because every floor logs; the web fills in which request it is, and needs no Flask here.
Whatever a client sent is escaped, so that nobody can write a line of their own.
"""

import json
import logging
import logging.config
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal

Format = Literal["json", "text"]
Context = Mapping[str, object]

NOTHING: Final[Context] = MappingProxyType({})
FRAMES: Final = 8
_json: Final = json.JSONEncoder(default=str, separators=(",", ":")).encode  # made once: every request writes a line
_context: ContextVar[Context] = ContextVar("facts of the request", default=NOTHING)
_UNPRINTABLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != 10}
_UNPRINTABLE |= {0x2028: "\\u2028", 0x2029: "\\u2029"}
_ONE_LINE = _UNPRINTABLE | {10: "\\x0a"}


def bind(**facts: object) -> None:
    """Add facts to every later line of this request; what is None is not known."""
    _context.set({**_context.get(), **{name: fact for name, fact in facts.items() if fact is not None}})


def reset(**facts: object) -> None:
    """Forget the request before, and begin with these facts."""
    _context.set(facts)


def configure(form: Format, level: str) -> None:
    """Send this process's logs to standard error in one form; ours from `level` on, those of libraries if they warn."""
    logging.config.dictConfig(configuration(form, level))


def configuration(form: Format, level: str) -> dict[str, Any]:
    """The same, for servers that want to be told in the form of `logging.config`."""
    lines = {"()": JsonLines if form == "json" else TextLines}
    out = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "lines"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": lines},
        "handlers": {"out": out},
        "root": {"handlers": ["out"], "level": "WARNING"},
        "loggers": {"app": {"level": level.upper()}},
    }


class JsonLines(logging.Formatter):
    """A record as one line of JSON. An exception is its type and where it arose: its words may hold a secret."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; JSON escapes every control character and all that is not ASCII."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {**_context.get(), **getattr(record, "facts", NOTHING)}
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            line |= {"error": f"{kind.__module__}.{kind.__qualname__}", "where": _frames(trace)}
        return _json(line)


class TextLines(logging.Formatter):
    """A record as a line for whoever sits before the screen; an exception with all that Python tells of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and below it the traceback if there is one."""
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        time = datetime.fromtimestamp(record.created).astimezone()
        line = f"{time:%H:%M:%S} {level}{record.getMessage()}".translate(_ONE_LINE)
        if record.exc_info and record.exc_info[0]:
            line += "\n" + self.formatException(record.exc_info).translate(_UNPRINTABLE)
        return line


def _frames(trace: Any) -> list[str]:
    frames = traceback.extract_tb(trace)[-FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
