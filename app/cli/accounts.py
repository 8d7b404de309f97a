"""flask accounts: create, find and change accounts, and end their sessions."""

import json
import re
import sys
from typing import Final, Literal

import click
from flask.cli import AppGroup

from app.cli.exits import errors_as_exits
from app.current import auth
from app.domain.accounts.search import AccountQuery

accounts = AppGroup(
    "accounts", help="Accounts. ACCOUNT is an id or an email address. In the audit log the actor is `operator`."
)
account_name = click.argument("account")
MAX_NAME: Final = 100


def _name(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and (len(value) > MAX_NAME or not value.isprintable()):
        raise click.BadParameter(f"Give at most {MAX_NAME} printable characters.")
    return value


def _locale(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value and not re.fullmatch(r"(?=.{2,35}\Z)[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise click.BadParameter("Give a language tag, such as en or pt-BR.")
    return value


def _json(_context: click.Context, _argument: click.Parameter, value: str) -> object:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise click.BadParameter("Give a JSON object.") from None


@accounts.command("create")
@click.argument("email")
@click.option("--role", "roles", multiple=True, help="A role, such as admin. Can be repeated.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, and send no email.")
def create(email: str, roles: tuple[str, ...], password_stdin: bool) -> None:
    """Create an account for EMAIL and print its id. Use `--role admin` for the first administrator.

    The owner gets an email with a link to choose a password or add a passkey, and cannot sign in before. Without a
    mail server, use --password-stdin: it reads the password from the first line of standard input, and marks the
    address as verified.
    """
    with errors_as_exits():
        if password_stdin:
            password = sys.stdin.readline().rstrip("\r\n")
            account = auth.admin_accounts.create_with_password(email, password, roles)
        else:
            account = auth.admin_accounts.invite(None, email, roles)
        click.echo(account.id)


@accounts.command("list")
@click.option("--search", help="Only accounts with this text in email address or name.")
@click.option("--state", type=click.Choice(["active", "disabled", "deleting"]), help="Only accounts in this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
def list_accounts(search: str | None, state: Literal["active", "disabled", "deleting"] | None, limit: int) -> None:
    """List the newest accounts: id, state, time of creation, email address, roles."""
    with errors_as_exits():
        for account in auth.admin_accounts.page(AccountQuery(search, state, limit=limit)).items:
            created = f"{account.created_at:%Y-%m-%d %H:%M:%S} UTC"
            click.echo(f"{account.id}  {account.state:<8}  {created}  {account.email}  {account.role_words}".rstrip())


@accounts.command("show")
@account_name
def show(account: str) -> None:
    """Show the email address, state, roles and times of ACCOUNT. Exits with 1 if there is none."""
    with errors_as_exits():
        found = auth.admin_accounts.find(account)
        values = {
            "id": found.id,
            "email": found.email,
            "verified": found.email_verified_at,
            "state": found.state,
            "roles": found.role_words,
            "claims": found.claims_text,
            "invited": found.invited_at,
            "password": "set" if found.has_password else "not set",
            "factor": found.second_factor_at,
            "first-name": found.first_name,
            "last-name": found.last_name,
            "locale": found.locale,
            "created": found.created_at,
            "changed": found.updated_at,
            "disabled": found.disabled_at,
            "deletes": found.deletes_at,
        }
        for name, value in values.items():
            click.echo(f"{name:<11} {value or '-'}")


@accounts.command("update")
@account_name
@click.option("--email", help="The new email address. Sessions end; a verified old address gets an undo link.")
@click.option("--verified/--unverified", default=None, help="Whether the email address counts as verified.")
@click.option("--first-name", callback=_name, help="The first name; an empty text removes it.")
@click.option("--last-name", callback=_name, help="The last name; an empty text removes it.")
@click.option("--locale", callback=_locale, help="The language of emails, such as en; an empty text removes it.")
def update(account: str, email: str | None, verified: bool | None, **profile: str | None) -> None:
    """Correct the email address or the name of ACCOUNT. A new address gets an email to verify it, unless --verified."""
    given = {name: value or None for name, value in profile.items() if value is not None}
    if email is None and verified is None and not given:
        raise click.UsageError("Name at least one thing to change.")
    with errors_as_exits():
        corrected = auth.account_correction.correct(
            None, _id_of(account), email=email, email_verified=verified, **given
        )
        click.echo(f"{corrected.id}  {corrected.email}  {'verified' if corrected.email_verified else 'unverified'}")


@accounts.command("disable")
@account_name
def disable(account: str) -> None:
    """Block sign-in to ACCOUNT and end its sessions. Exits with 1 for the last administrator."""
    with errors_as_exits():
        auth.admin_accounts.disable(None, _id_of(account))
        click.echo(f"{account}  disabled")


@accounts.command("enable")
@account_name
def enable(account: str) -> None:
    """Allow sign-in to ACCOUNT again. Does nothing if it is not disabled."""
    with errors_as_exits():
        auth.admin_accounts.enable(None, _id_of(account))
        click.echo(f"{account}  enabled")


@accounts.command("grant")
@account_name
@click.argument("role")
def grant(account: str, role: str) -> None:
    """Give ROLE to ACCOUNT. The role `admin` allows /api/v1/admin; your apps define all others."""
    with errors_as_exits():
        auth.admin_accounts.grant(None, _id_of(account), role)
        click.echo(f"{account}  has role {role}")


@accounts.command("revoke")
@account_name
@click.argument("role")
def revoke(account: str, role: str) -> None:
    """Remove ROLE from ACCOUNT. Exits with 1 for the role `admin` of the last administrator."""
    with errors_as_exits():
        auth.admin_accounts.revoke(None, _id_of(account), role)
        click.echo(f"{account}  does not have role {role}")


@accounts.command("set-claims")
@account_name
@click.argument("claims", metavar="JSON", callback=_json)
def set_claims(account: str, claims: object) -> None:
    """Replace the claims of ACCOUNT by a JSON object, such as '{"plan": "team"}'. '{}' removes all."""
    with errors_as_exits():
        auth.admin_accounts.set_claims(None, _id_of(account), claims)
        click.echo(f"{account}  claims set")


@accounts.command("invitations")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
def invitations(limit: int) -> None:
    """List the newest open invitations: id, time, email address, roles. Their owners cannot sign in yet."""
    with errors_as_exits():
        for account in auth.open_invitations.page(None, limit).items:
            invited = f"{account.invited_at:%Y-%m-%d %H:%M:%S} UTC"
            click.echo(f"{account.id}  {invited}  {account.email}  {account.role_words}".rstrip())


@accounts.command("invite-again")
@account_name
def invite_again(account: str) -> None:
    """Send the invitation of ACCOUNT again, with a new link. Exits with 1 if it was answered."""
    with errors_as_exits():
        auth.open_invitations.send_again(None, _id_of(account))
        click.echo(f"{account}  an email is queued")


@accounts.command("revoke-invitation")
@account_name
def revoke_invitation(account: str) -> None:
    """Delete ACCOUNT, whose owner has not answered the invitation. Exits with 1 if it was answered."""
    with errors_as_exits():
        auth.open_invitations.revoke(None, _id_of(account))
        click.echo(f"{account}  invitation revoked")


@accounts.command("reset")
@account_name
def reset(account: str) -> None:
    """Send the owner of ACCOUNT an email to choose a new password. The old password works until then."""
    with errors_as_exits():
        auth.admin_accounts.start_reset(None, _id_of(account))
        click.echo(f"{account}  an email is queued")


@accounts.command("sessions")
@account_name
@click.option("--end", metavar="ID", help="End this session.")
@click.option("--end-all", is_flag=True, help="End all sessions.")
def sessions(account: str, end: str | None, end_all: bool) -> None:
    """List the sessions of ACCOUNT: id, time of last use, IP address, device."""
    if end and end_all:
        raise click.UsageError("Use either --end or --end-all.")
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


@accounts.command("remove-factors")
@account_name
@click.confirmation_option(prompt="Remove all second factors and passkeys of this account?")
def remove_factors(account: str) -> None:
    """Remove all second factors and passkeys of ACCOUNT, whose owner has lost them. Check first who asks."""
    with errors_as_exits():
        auth.factors.remove_all_of(None, _id_of(account))
        click.echo(f"{account}  second factors removed")


@accounts.command("delete")
@account_name
@click.confirmation_option(prompt="Delete this account?")
def delete(account: str) -> None:
    """Schedule the deletion of ACCOUNT in DELETION_GRACE_DAYS, and end its sessions. Signing in cancels it."""
    with errors_as_exits():
        auth.admin_accounts.delete(None, _id_of(account))
        click.echo(f"{account}  deletion scheduled")


def _id_of(account: str) -> str:
    return auth.admin_accounts.find(account).id
