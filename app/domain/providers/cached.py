"""A value that another server publishes, read when it is needed and kept for a time."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from app.domain.providers.errors import ProviderUnavailable

Value = TypeVar("Value")


class Cached(Generic[Value]):
    """Reads the value again after `fresh` seconds. If that fails, the old one counts until it is `usable` seconds old.

    While one thread reads it again, the others get the old one.
    """

    def __init__(self, read: Callable[[], Value], *, fresh: float, usable: float) -> None:
        self._read, self._fresh, self._usable = read, fresh, usable
        self._held: tuple[Value, float] | None = None
        self._reading = threading.Lock()

    def get(self, max_age: float | None = None) -> Value:
        """The value, read again if it is more than `max_age` seconds old. Raises `ProviderUnavailable`."""
        held, now = self._held, time.monotonic()
        if held is None or now - held[1] > self._usable:
            return self._store(self._read())
        if now - held[1] < (self._fresh if max_age is None else max_age) or not self._reading.acquire(blocking=False):
            return held[0]
        try:
            return self._store(self._read())
        except ProviderUnavailable:
            return held[0]
        finally:
            self._reading.release()

    def _store(self, value: Value) -> Value:
        self._held = value, time.monotonic()
        return value
