"""Counting what happened, by a word for it, from many threads."""

import threading
from collections import Counter
from collections.abc import Iterable


class EventCounter:
    """How often each thing happened since this process began. Numbers only grow."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        """`words` are told of from the beginning, as never having happened."""
        self._counts = Counter(dict.fromkeys(words, 0))
        self._lock = threading.Lock()

    def add(self, word: str) -> None:
        """It happened once more."""
        with self._lock:
            self._counts[word] += 1

    def counts(self) -> dict[str, int]:
        """The count of every word so far."""
        with self._lock:
            return dict(self._counts)
