"""The door as commands see it: this app's `Auth`, and refusals as exit codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import click
from flask import current_app
from werkzeug.local import LocalProxy

from app.auth import Auth
from app.core.errors import Busy, Refusal


def _of_this_app() -> Auth:
    return cast(Auth, current_app.extensions["latchkey"])


auth = cast(Auth, LocalProxy(_of_this_app))


@contextmanager
def refusals_as_exits() -> Iterator[None]:
    """End the command with the refusal's sentence: exit 75 (try again later) when something is away, else 1."""
    try:
        yield
    except Refusal as refusal:
        click.echo(f"Error: {refusal.message}", err=True)
        raise SystemExit(75 if isinstance(refusal, Busy) else 1) from None
