"""Logs: one JSON object per line for machines, or plain lines for people, with the context of the request.

The web layer sets that context, so this module needs no Flask. Control characters are escaped, so that a client cannot
inject lines.
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
_json: Final = json.JSONEncoder(default=str, separators=(",", ":")).encode  # created once for all lines
_context: ContextVar[Context] = ContextVar("request", default=NOTHING)
_UNPRINTABLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != 10}
_UNPRINTABLE |= {0x2028: "\\u2028", 0x2029: "\\u2029"}
_ONE_LINE = _UNPRINTABLE | {10: "\\x0a"}


def bind(**facts: object) -> None:
    """Add values to the context of this request. None is left out."""
    _context.set({**_context.get(), **{name: fact for name, fact in facts.items() if fact is not None}})


def reset(**facts: object) -> None:
    """Replace the context by these values, at the start of a request."""
    _context.set(facts)


def configure(form: Format, level: str) -> None:
    """Log to standard error: our own loggers from `level`, those of libraries from WARNING."""
    # No line names them, and looking them up takes a quarter of the time of a line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.config.dictConfig(configuration(form, level))


def info(log: logging.Logger, message: str, *values: object, facts: Context) -> None:
    """Like `log.info` with `facts` for the JSON line, but without a search through the stack for the caller."""
    if log.isEnabledFor(logging.INFO):
        extra = {"facts": facts}
        log.handle(log.makeRecord(log.name, logging.INFO, "", 0, message, values, None, extra=extra))


def configuration(form: Format, level: str) -> dict[str, Any]:
    """The same as a dictionary for `logging.config.dictConfig`."""
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
    """One line of JSON. Of an exception it has type and traceback positions; the message may hold a secret."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, in which JSON escapes control characters and everything outside ASCII."""
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
    """One line for a person at a terminal, with the full traceback of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, followed by the traceback if there is one."""
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        time = datetime.fromtimestamp(record.created).astimezone()
        line = f"{time:%H:%M:%S} {level}{record.getMessage()}".translate(_ONE_LINE)
        if record.exc_info and record.exc_info[0]:
            line += "\n" + self.formatException(record.exc_info).translate(_UNPRINTABLE)
        return line


def _frames(trace: Any) -> list[str]:
    frames = traceback.extract_tb(trace)[-FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
