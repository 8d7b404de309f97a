"""flask audit: verify, seal."""

import re

import click
from flask.cli import AppGroup

from app.cli.exits import errors_as_exits
from app.current import auth

audit = AppGroup("audit", help="The journal of what happened, and the chain that binds it.")


def _chain_end(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, str] | None:
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", value):
        raise click.BadParameter("is not what verify printed")
    position, _, link = value.partition(":")
    return int(position), link


@audit.command("verify")
@click.option(
    "--expect",
    metavar="POSITION:LINK",
    callback=_chain_end,
    help="An end printed earlier and kept elsewhere: it must still be there.",
)
def verify(expect: tuple[int, str] | None) -> None:
    """Check every sealed event. Exits with 1, naming the first row that was changed, dropped or moved.

    Prints the end of the chain: note it outside of the database, and a later --expect tells whether a chain was
    made anew.
    """
    with errors_as_exits():
        verified = auth.audit_sealing.verify(expect)
        span = f", positions {verified.first} to {verified.last}" if verified.count else ""
        click.echo(f"{verified.count} events as they were sealed{span}; {verified.unsealed} not sealed yet")
        click.echo(f"{verified.last}:{verified.link}")


@audit.command("seal")
def seal() -> None:
    """Seal what waits. The service does it every second; several at once do no harm."""
    with errors_as_exits():
        click.echo(f"{auth.audit_sealing.seal()} sealed")
