"""The service that the Python classes of the compatibility API work on, whatever app or script calls them."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import TypeVar

from flask import Flask, current_app, has_app_context

Kind = TypeVar("Kind", bound=type)
_used: list[Flask] = []


def use(app: Flask) -> None:
    """Let `app` be the service wherever no context of a service is active, as in a Flask app of a learner's own."""
    _used[:] = [app]


@contextmanager
def service_context() -> Iterator[None]:
    """With the service as the current app; also a decorator."""
    if has_app_context() and "latchkey" in current_app.extensions:
        yield
    elif _used:
        with _used[0].app_context():
            yield
    else:
        raise RuntimeError("Call this within the app context of the service, or tell which it is: use(create_app())")


def in_service(kind: Kind) -> Kind:
    """Run every public method of the class in the context of the service."""
    for name, found in list(vars(kind).items()):
        if isinstance(found, FunctionType) and not name.startswith("_"):
            setattr(kind, name, service_context()(found))
    return kind
