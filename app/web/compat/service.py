"""The app that the Python classes of the compatibility API use, in a request or in a script."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import TypeVar

from flask import Flask, current_app, has_app_context

Class = TypeVar("Class", bound=type)
_used: list[Flask] = []


def use(app: Flask) -> None:
    """Use `app` where no app context of Latchkey is active, such as in the Flask app of a learner."""
    _used[:] = [app]


@contextmanager
def service_context() -> Iterator[None]:
    """Context manager and decorator: makes Latchkey the current app."""
    if has_app_context() and "latchkey" in current_app.extensions:
        yield
    elif _used:
        with _used[0].app_context():
            yield
    else:
        raise RuntimeError("Call this in the app context of Latchkey, or call use(create_app()) first")


def in_service(cls: Class) -> Class:
    """Run every public method of the class in the app context of Latchkey."""
    for name, found in list(vars(cls).items()):
        if isinstance(found, FunctionType) and not name.startswith("_"):
            setattr(cls, name, service_context()(found))
    return cls
