"""Exit codes of commands."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.core.errors import ServiceError, Unavailable


@contextmanager
def errors_as_exits() -> Iterator[None]:
    """Exit with the message of a `ServiceError`: status 75 (EX_TEMPFAIL) if it is `Unavailable`, otherwise 1."""
    try:
        yield
    except ServiceError as error:
        click.echo(f"Error: {error.message}", err=True)
        raise SystemExit(75 if isinstance(error, Unavailable) else 1) from None
