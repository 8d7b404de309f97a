"""Everything that processes log, in one file."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.logs import JsonLines

CHANGING = ("created", "msecs", "relativeCreated", "thread", "threadName", "process")
VERBOSE = ("", "sqlalchemy")  # at DEBUG it logs statements and rows


class LogRecorder(logging.Handler):
    """Records every log record at any level with all its attributes, except those of the fake SMTP server.

    Several processes may write to one file. Each writes a line only once.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(logging.DEBUG)
        self.file = file
        self._written: set[str] = set()

    @property
    def text(self) -> str:
        """What was logged so far."""
        return self.file.read_text()

    @contextmanager
    def recording(self) -> Iterator["LogRecorder"]:
        """Record until the block is left."""
        levels = {name: logging.getLogger(name).level for name in VERBOSE}
        logging.getLogger().addHandler(self)
        for name in VERBOSE:
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield self
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("mail."):
            attributes = {name: value for name, value in vars(record).items() if name not in CHANGING}
            new = {f"{self.format(record)} {attributes}", JsonLines().format(record)} - self._written
            self._written |= new
            with self.file.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(f"{line}\n" for line in new)
