"""Public keys, server metadata and health."""

from typing import Literal

from flask import Blueprint
from pydantic import Field

from app.current import auth
from app.flows.health import NotReady
from app.web import draining
from app.web.endpoint import endpoint
from app.web.schemas import ResponseBody

KEYS_MAX_AGE = 300

blueprint = Blueprint("service", __name__)


class JsonWebKey(ResponseBody):
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


class JsonWebKeySet(ResponseBody):
    """The public keys to verify tokens with (RFC 7517)."""

    omits_none = True

    keys: list[JsonWebKey]


class Liveness(ResponseBody):
    """The process is running."""

    status: Literal["ok"] = "ok"


class Readiness(ResponseBody):
    """The process can serve requests."""

    status: Literal["ok"] = "ok"
    checks: dict[str, str] = Field(
        examples=[{"database": "ok", "migrations": "ok", "signing_keys": "ok", "mail": "away"}]
    )


class ServerMetadata(ResponseBody):
    """Metadata that resource servers need to verify access tokens (RFC 8414)."""

    issuer: str
    jwks_uri: str
    access_token_audience: str = Field(description="The `aud` claim of access tokens")
    access_token_signing_alg_values_supported: list[str]
    response_types_supported: list[str] = Field(description="Empty: there is no authorization endpoint")
    grant_types_supported: list[str] = Field(description="Empty: tokens are issued by /api/v1/auth only")


class OpenIdMetadata(ServerMetadata):
    """Server metadata for libraries that only support OpenID Connect discovery. Latchkey issues no ID tokens."""

    id_token_signing_alg_values_supported: list[str]
    subject_types_supported: list[str]


@blueprint.get("/.well-known/oauth-authorization-server")
@endpoint(gives=ServerMetadata, needs_database=False, cache_seconds=KEYS_MAX_AGE)
def get_server_metadata() -> object:
    """Get the server metadata.

    For resource servers: the issuer, the signing keys and the audience of access tokens (RFC 8414).
    """
    return auth.key_rotation.metadata()


@blueprint.get("/.well-known/openid-configuration")
@endpoint(gives=OpenIdMetadata, needs_database=False, cache_seconds=KEYS_MAX_AGE)
def get_openid_metadata() -> object:
    """Get the server metadata for OpenID Connect libraries.

    Latchkey is not an OpenID provider and issues no ID tokens.
    """
    return auth.key_rotation.openid_metadata()


@blueprint.get("/.well-known/jwks.json")
@endpoint(gives=JsonWebKeySet, cache_seconds=KEYS_MAX_AGE)
def get_public_keys() -> object:
    """Get the public keys.

    The JWKS (RFC 7517) to verify access tokens with. It may be cached for a few minutes.
    """
    return auth.key_rotation.published()


@blueprint.get("/healthz")
@endpoint(gives=Liveness, needs_database=False)
def get_liveness() -> object:
    """Liveness.

    The process responds. It does not ask the database.
    """
    return Liveness()


@blueprint.get("/readyz")
@endpoint(gives=Readiness, errors=(NotReady,))
def get_readiness() -> object:
    """Readiness.

    200 if all that the service needs responds, otherwise 503 with the state of each.
    """
    if draining.is_draining():
        raise NotReady("Not ready: the process is stopping.", retry_after=2)
    return Readiness(checks=auth.health.ready())
