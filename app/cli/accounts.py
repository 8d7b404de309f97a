"""flask accounts: create, list, show, disable, enable, grant, revoke, reset, sessions, delete."""

import sys
from typing import Literal

import click
from flask.cli import AppGroup

from app.cli.exits import errors_as_exits
from app.current import auth
from app.domain.accounts.search import AccountQuery

accounts = AppGroup(
    "accounts", help="People's accounts. ACCOUNT is an id or an address. The journal names the actor `operator`."
)
account_name = click.argument("account")


@accounts.command("create")
@click.argument("email")
@click.option("--role", "roles", multiple=True, help="A role, such as admin; may be given several times.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, and send no email.")
def create(email: str, roles: tuple[str, ...], password_stdin: bool) -> None:
    """Open an account for EMAIL and print its id. `--role admin` makes the first administrator.

    An email goes there by which its owner chooses a password; until then nobody can sign in. On a machine without
    mail, --password-stdin takes the first line of standard input instead, and the address for confirmed.
    """
    with errors_as_exits():
        if password_stdin:
            password = sys.stdin.readline().rstrip("\r\n")
            account = auth.admin_accounts.create_with_password(email, password, roles)
        else:
            account = auth.admin_accounts.invite(None, email, roles)
        click.echo(account.id)


@accounts.command("list")
@click.option("--search", help="Only accounts with this text in address or name, taken literally.")
@click.option("--state", type=click.Choice(["active", "disabled", "deleting"]), help="Only accounts in this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
def list_accounts(search: str | None, state: Literal["active", "disabled", "deleting"] | None, limit: int) -> None:
    """The newest accounts, one a line: id, state, when it was opened, address, roles."""
    with errors_as_exits():
        for account in auth.admin_accounts.page(AccountQuery(search, state, limit=limit)).items:
            opened = f"{account.created_at:%Y-%m-%d %H:%M:%S} UTC"
            click.echo(f"{account.id}  {account.state:<8}  {opened}  {account.email}  {account.role_words}".rstrip())


@accounts.command("show")
@account_name
def show(account: str) -> None:
    """What there is to know about ACCOUNT. Exits with 1 if there is none."""
    with errors_as_exits():
        found = auth.admin_accounts.find(account)
        facts = {
            "id": found.id,
            "email": found.email,
            "verified": found.email_verified_at,
            "state": found.state,
            "roles": found.role_words,
            "password": "chosen" if found.has_password else "not chosen yet",
            "first-name": found.first_name,
            "last-name": found.last_name,
            "locale": found.locale,
            "opened": found.created_at,
            "changed": found.updated_at,
            "disabled": found.disabled_at,
            "deletes": found.deletes_at,
        }
        for name, value in facts.items():
            click.echo(f"{name:<11} {value or '-'}")


@accounts.command("disable")
@account_name
def disable(account: str) -> None:
    """Sign ACCOUNT out everywhere, and let nobody sign in to it. The last administrator cannot be disabled: exit 1."""
    with errors_as_exits():
        auth.admin_accounts.disable(None, _id_of(account))
        click.echo(f"{account}  disabled")


@accounts.command("enable")
@account_name
def enable(account: str) -> None:
    """Let the owner of ACCOUNT sign in again, after it was disabled. Does nothing if it was not."""
    with errors_as_exits():
        auth.admin_accounts.enable(None, _id_of(account))
        click.echo(f"{account}  enabled")


@accounts.command("grant")
@account_name
@click.argument("role")
def grant(account: str, role: str) -> None:
    """Give ROLE to ACCOUNT. The role `admin` opens /api/v1/admin at once; other roles mean what your apps say."""
    with errors_as_exits():
        auth.admin_accounts.grant(None, _id_of(account), role)
        click.echo(f"{account}  has {role}")


@accounts.command("revoke")
@account_name
@click.argument("role")
def revoke(account: str, role: str) -> None:
    """Take ROLE from ACCOUNT, here at once. The last administrator keeps `admin`: the command exits with 1."""
    with errors_as_exits():
        auth.admin_accounts.revoke(None, _id_of(account), role)
        click.echo(f"{account}  has no {role}")


@accounts.command("reset")
@account_name
def reset(account: str) -> None:
    """Send the owner of ACCOUNT the email by which they choose a new password. The old one holds until then."""
    with errors_as_exits():
        auth.admin_accounts.start_reset(None, _id_of(account))
        click.echo(f"{account}  an email is queued")


@accounts.command("sessions")
@account_name
@click.option("--end", metavar="ID", help="End this session instead.")
@click.option("--end-all", is_flag=True, help="End all of them instead.")
def sessions(account: str, end: str | None, end_all: bool) -> None:
    """Where ACCOUNT is signed in, one session a line: id, when it was last used, network address, device."""
    if end and end_all:
        raise click.UsageError("Say either --end or --end-all.")
    with errors_as_exits():
        account_id = _id_of(account)
        if end_all:
            auth.admin_sessions.end_all(None, account_id)
            click.echo("all sessions ended")
        elif end:
            auth.admin_sessions.end(None, account_id, end)
            click.echo(f"{end}  ended")
        else:
            for device in auth.admin_sessions.all(None, account_id):
                used = f"{device.last_used_at:%Y-%m-%d %H:%M:%S} UTC"
                click.echo(f"{device.id}  {used}  {device.ip or '-'}  {device.name}")


@accounts.command("delete")
@account_name
@click.confirmation_option(prompt="Delete this account?")
def delete(account: str) -> None:
    """Delete ACCOUNT as its owner would: signed out now, gone after DELETION_GRACE_DAYS unless they sign in before."""
    with errors_as_exits():
        auth.admin_accounts.delete(None, _id_of(account))
        click.echo(f"{account}  will be gone")


def _id_of(account: str) -> str:
    return auth.admin_accounts.find(account).id
