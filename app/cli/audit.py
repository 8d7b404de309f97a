"""flask audit: verify, seal."""

import re

import click
from flask.cli import AppGroup

from app.cli.exits import errors_as_exits
from app.current import auth

audit = AppGroup("audit", help="The audit log and its hash chain.")


def _chain_end(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, str] | None:
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", value):
        raise click.BadParameter("Give the last line that `flask audit verify` printed, such as 42:9f86….")
    position, _, entry_hash = value.partition(":")
    return int(position), entry_hash


@audit.command("verify")
@click.option(
    "--expect",
    metavar="POSITION:HASH",
    callback=_chain_end,
    help="An end of the chain that an earlier run printed. It must still be in the chain.",
)
def verify(expect: tuple[int, str] | None) -> None:
    """Verify every sealed event. Exits with 1 and names the first row that was changed, deleted or moved.

    The last line printed is the end of the chain. Store it outside of the database: a later run with --expect then
    detects a chain that was rebuilt, or a restored older backup.
    """
    with errors_as_exits():
        verified = auth.audit_sealing.verify(expect)
        span = f", positions {verified.first} to {verified.last}" if verified.count else ""
        click.echo(f"{verified.count} events verified{span}; {verified.unsealed} not sealed yet")
        click.echo(f"{verified.last}:{verified.entry_hash}")


@audit.command("seal")
def seal() -> None:
    """Seal all events that are not sealed yet. The service does so every second. Several may run at once."""
    with errors_as_exits():
        click.echo(f"{auth.audit_sealing.seal()} events sealed")
