"""flask cleanup: delete expired data."""

import click
from flask.cli import AppGroup

from app.cli.exits import errors_as_exits
from app.current import auth

cleanup = AppGroup("cleanup", help="Delete expired data.")


@cleanup.command("run")
def run() -> None:
    """Purge accounts that are due, and delete old sessions, emails, links and events. Several may run at once."""
    with errors_as_exits():
        for kind, count in auth.cleanup.run().items():
            click.echo(f"{kind}: {count}")
