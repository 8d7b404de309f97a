"""The Flask application class."""

from collections.abc import Callable
from typing import Any

from flask import Flask


class Application(Flask):
    """Flask that looks only once whether a function is a coroutine, not for each hook of each request.

    `ensure_sync` is documented as the place to change how functions are called.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._sync: dict[Callable[..., Any], Callable[..., Any]] = {}

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself, or one that runs the coroutine."""
        found = self._sync.get(func)
        if found is None:
            found = self._sync[func] = super().ensure_sync(func)
        return found
