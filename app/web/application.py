"""The Flask application class."""

import inspect
from collections.abc import Callable
from typing import Any

from flask import Flask


class Application(Flask):
    """Flask that recognises a plain function by one flag.

    Flask asks a dozen times per request, for each hook, and `inspect` unwraps the function each time. Nothing is
    cached: some hooks are created for one request, and hold its values.
    """

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself, or one that runs the coroutine."""
        code = getattr(func, "__code__", None)
        if code is not None and not code.co_flags & inspect.CO_COROUTINE:
            return func
        return super().ensure_sync(func)
