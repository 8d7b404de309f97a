"""What machines ask: signing keys and health."""

from typing import Literal

from flask import Blueprint
from pydantic import Field

from app.current import auth
from app.flows.health import NotReady
from app.web import draining
from app.web.endpoint import endpoint
from app.web.schemas import Answer

KEYS_MAX_AGE = 300

blueprint = Blueprint("service", __name__)


class JsonWebKey(Answer):
    """A public key (RFC 7517)."""

    kid: str
    kty: str
    alg: str
    use: str
    crv: str | None = None
    x: str | None = None
    y: str | None = None
    n: str | None = None
    e: str | None = None


class KeySet(Answer):
    """The public keys that tokens are checked with."""

    omits_none = True

    keys: list[JsonWebKey]


class Alive(Answer):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Ready(Answer):
    """The process can do its work."""

    status: Literal["ok"] = "ok"
    checks: dict[str, str] = Field(
        examples=[{"database": "ok", "migrations": "ok", "signing_keys": "ok", "mail": "away"}]
    )


class Metadata(Answer):
    """What a resource server needs to know in order to check our tokens (RFC 8414)."""

    issuer: str
    jwks_uri: str
    access_token_audience: str = Field(description="The `aud` of access tokens")
    id_token_signing_alg_values_supported: list[str]
    response_types_supported: list[str]
    subject_types_supported: list[str]


@blueprint.get("/.well-known/openid-configuration")
@endpoint(gives=Metadata, needs_database=False, cache_seconds=KEYS_MAX_AGE)
def metadata() -> object:
    """Where the keys are and who signs."""
    return auth.keys.metadata()


@blueprint.get("/.well-known/jwks.json")
@endpoint(gives=KeySet, cache_seconds=KEYS_MAX_AGE)
def jwks() -> object:
    """The public signing keys."""
    return auth.keys.published()


@blueprint.get("/healthz")
@endpoint(gives=Alive, needs_database=False)
def healthz() -> object:
    """Is the process alive."""
    return Alive()


@blueprint.get("/readyz")
@endpoint(gives=Ready, refuses=(NotReady,))
def readyz() -> object:
    """Can it do its work."""
    if draining.under_way():
        raise NotReady("Not ready: stopping.", retry_after=2)
    return Ready(checks=auth.health.ready())
