"""flask housekeeping: make gone what is over."""

import click
from flask.cli import AppGroup

from app.cli.exits import refusals_as_exits
from app.current import auth

housekeeping = AppGroup("housekeeping", help="What is over, and takes room.")


@housekeeping.command("run")
def run() -> None:
    """Erase accounts that are due; forget old sessions, letters, links and events. Several may run at once."""
    with refusals_as_exits():
        for kind, count in auth.housekeeping.run().items():
            click.echo(f"{kind}: {count}")
