"""A thread-safe counter of named events."""

import threading
from collections import Counter
from collections.abc import Iterable


class EventCounter:
    """Counts events since the start of the process."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        """`words` are reported from the start, with a count of 0."""
        self._counts = Counter(dict.fromkeys(words, 0))
        self._lock = threading.Lock()

    def add(self, word: str) -> None:
        """Count one event."""
        with self._lock:
            self._counts[word] += 1

    def counts(self) -> dict[str, int]:
        """A copy of all counts."""
        with self._lock:
            return dict(self._counts)
