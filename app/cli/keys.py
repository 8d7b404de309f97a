"""flask keys: list, rotate, retire, reseal."""

import click
from flask.cli import AppGroup

from app.cli.exits import errors_as_exits
from app.current import auth

keys = AppGroup("keys", help="The keys that tokens are signed with.")


@keys.command("list")
def list_keys() -> None:
    """Every usable key: its name, its algorithm, from when it signs, and whether it signs, checks, or signs later."""
    with errors_as_exits():
        state = "checks"
        for key, signs in auth.key_rotation.all():  # in the order in which they sign
            state = "signs" if signs else "signs later" if state.startswith("signs") else "checks"
            click.echo(f"{key.kid}  {key.algorithm}  from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC  {state}")


@keys.command("rotate")
@click.option("--algorithm", type=click.Choice(["ES256", "EdDSA", "RS256"]), help="By default what JWT_ALGORITHM says.")
@click.option(
    "--soon", is_flag=True, help="Sign in 10 seconds instead of 10 minutes: others may not have seen the key."
)
def rotate_keys(algorithm: str | None, soon: bool) -> None:
    """Publish a new key that signs in ten minutes. The old one checks until its last token is dead."""
    with errors_as_exits():
        kid, signs_from = auth.key_rotation.rotate(algorithm=algorithm, soon=soon)
        click.echo(f"{kid}  signs from {signs_from:%Y-%m-%d %H:%M:%S} UTC")


# One name in 64 begins with a dash, and is no option for all that.
@keys.command("retire", context_settings={"ignore_unknown_options": True})
@click.argument("kid")
def retire_key(kid: str) -> None:
    """Refuse the key KID and every token that it signed, in all processes within seconds. For a key that leaked."""
    with errors_as_exits():
        auth.key_rotation.retire(kid)
        click.echo(f"{kid}  retired")


@keys.command("reencrypt")
def reencrypt_keys() -> None:
    """Encrypt every key with the newest secret, so that older ones need open none. Several at once do no harm."""
    with errors_as_exits():
        reencrypted, others = auth.key_rotation.reencrypt()
        click.echo(f"{reencrypted} re-encrypted, {others} already under the newest secret")
