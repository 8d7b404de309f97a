"""Errors of commands as exit codes."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.core.errors import ServiceError, Unavailable


@contextmanager
def errors_as_exits() -> Iterator[None]:
    """End the command with the error's message: exit 75 (try again later) if a dependency is down, else 1."""
    try:
        yield
    except ServiceError as refusal:
        click.echo(f"Error: {refusal.message}", err=True)
        raise SystemExit(75 if isinstance(refusal, Unavailable) else 1) from None
