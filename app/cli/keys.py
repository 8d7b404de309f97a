"""flask keys: list, rotate, retire, reencrypt."""

import click
from flask.cli import AppGroup

from app.cli.exits import errors_as_exits
from app.current import auth

keys = AppGroup("keys", help="The keys that sign tokens.")


@keys.command("list")
def list_keys() -> None:
    """List usable keys: id, algorithm, start of signing, and whether they sign, verify, or sign later."""
    with errors_as_exits():
        state = "verifies"
        for key, signs in auth.key_rotation.all():  # in the order in which they sign
            state = "signs" if signs else "signs later" if state.startswith("signs") else "verifies"
            click.echo(f"{key.kid}  {key.algorithm}  from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC  {state}")


@keys.command("rotate")
@click.option("--algorithm", type=click.Choice(["ES256", "EdDSA", "RS256"]), help="Default: JWT_ALGORITHM.")
@click.option(
    "--soon",
    is_flag=True,
    help="Sign after 10 seconds instead of 10 minutes. Resource servers may not know the key yet.",
)
def rotate_keys(algorithm: str | None, soon: bool) -> None:
    """Publish a new key that signs after ten minutes. The old one verifies until its last token has expired."""
    with errors_as_exits():
        kid, signs_from = auth.key_rotation.rotate(algorithm=algorithm, soon=soon)
        click.echo(f"{kid}  signs from {signs_from:%Y-%m-%d %H:%M:%S} UTC")


# One key id in 64 begins with a dash; it is not an option.
@keys.command("retire", context_settings={"ignore_unknown_options": True})
@click.argument("kid")
def retire_key(kid: str) -> None:
    """Reject the key KID and all tokens that it signed, within seconds in all processes. For a leaked key."""
    with errors_as_exits():
        auth.key_rotation.retire(kid)
        click.echo(f"{kid}  retired")


@keys.command("reencrypt")
def reencrypt_keys() -> None:
    """Encrypt every key with the current secret, so that older ones can be removed. Several may run at once."""
    with errors_as_exits():
        reencrypted, others = auth.key_rotation.reencrypt()
        click.echo(f"{reencrypted} re-encrypted, {others} already used the current secret")
