"""How many requests of a process are active at once: handled by a thread that runs Python, or waits for its turn to.

Python runs one thread at a time, and each call of SQLite lets another one continue. With many active requests every
statement waits for all of them, also while it holds the write lock that other processes wait for. So with SQLite only
a few requests are active, and the others wait. A request that waits for a hash or for the write lock is not active.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MOST_WITH_SQLITE: Final = 2
PATIENCE_SECONDS: Final = 0.05  # then a request becomes active in any case, because those before it may be slow


class ActiveRequests:
    """Counts the active requests of a process. Until `limit` is called, all of them may be active."""

    def __init__(self) -> None:
        self._free: threading.Semaphore | None = None
        self._thread = threading.local()

    def limit(self, most: int) -> None:
        """Let at most this many requests be active."""
        self._free = threading.Semaphore(most)

    @contextmanager
    def handle(self) -> Iterator[None]:
        """Handle a request in this thread: wait until it can be active."""
        self._thread.handles = True
        self.resume()
        try:
            yield
        finally:
            self.pause()
            self._thread.handles = False

    @contextmanager
    def wait(self) -> Iterator[None]:
        """Wait for something that takes long. Meanwhile the request of this thread, if it has one, is not active."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def pause(self) -> None:
        """End being active until `resume`."""
        taken = getattr(self._thread, "taken", None)
        if taken is not None:
            self._thread.taken = None
            taken.release()

    def resume(self) -> None:
        """Become active again. Without a request, or if it is active, this changes nothing."""
        own = self._thread
        if self._free and getattr(own, "handles", False) and getattr(own, "taken", None) is None:
            own.taken = self._free if self._free.acquire(timeout=PATIENCE_SECONDS) else None


active_requests: Final = ActiveRequests()
