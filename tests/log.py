"""Everything that processes log, in one file."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.logs import JsonLines

COUNTED = ("created", "msecs", "relativeCreated", "thread", "threadName", "process")
LOUDER = ("", "sqlalchemy")  # which at DEBUG tells statements and rows


class Log(logging.Handler):
    """Everything that anybody logs at any level, with all that came along, but what the receiving mail server logs.

    It may be the file of several processes. Each writes a line but once.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(logging.DEBUG)
        self.file = file
        self._said: set[str] = set()

    @property
    def text(self) -> str:
        """What was said so far."""
        return self.file.read_text()

    @contextmanager
    def heard(self) -> Iterator["Log"]:
        """While it hears."""
        levels = {name: logging.getLogger(name).level for name in LOUDER}
        logging.getLogger().addHandler(self)
        for name in LOUDER:
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield self
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("mail."):
            told = {name: value for name, value in vars(record).items() if name not in COUNTED}
            new = {f"{self.format(record)} {told}", JsonLines().format(record)} - self._said
            self._said |= new
            with self.file.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(f"{line}\n" for line in new)
