"""/api/v1/account/identities: the identities of an account at outside providers."""

from datetime import datetime

from flask import Blueprint
from pydantic import ConfigDict, Field, model_validator

from app.core.errors import RateLimited
from app.current import auth
from app.domain.challenges.challenges import ChallengeExpired
from app.domain.challenges.store import ChallengeUsed
from app.domain.identities.store import IdentityTaken, NoSuchIdentity
from app.domain.providers.errors import IdTokenInvalid, ProviderUnavailable
from app.flows.steps.identity import Identity
from app.flows.steps.link_identity import TooManyIdentities
from app.flows.steps.read_identity import LinkTokenInvalid, ProviderCodeInvalid
from app.flows.steps.require_way_in import LastWayIn
from app.web.api.providers import CodeVerifier
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, SignedIn
from app.web.input_errors import coded_error
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.schemas import ProviderCodeText, RequestBody, ResponseBody

blueprint = Blueprint("identities", __name__, url_prefix="/api/v1/account/identities")


class LinkedIdentity(ResponseBody):
    """An identity at an outside provider that signs in to this account."""

    id: int = Field(examples=[3141592653589793])
    provider: str = Field(description="An id of GET /auth/providers", examples=["google"])
    email: str | None = Field(description="The address that the provider named last", examples=["ann@gmail.com"])
    created_at: datetime
    last_used_at: datetime | None


class IdentityList(ResponseBody):
    """The identities of the account, the oldest first."""

    identities: list[LinkedIdentity]


class LinkIdentityRequest(RequestBody):
    """One proof of the identity: `code` and `code_verifier`, `provider` and `id_token`, or `link_token`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"code": "code-of-the-redirect", "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
                {"provider": "apple", "id_token": "eyJhbGciOi…", "nonce": "nonce-of-id-token/nonce"},
                {"link_token": "token-of-the-409-response"},
            ]
        }
    )

    code: ProviderCodeText | None = Field(None, description="Of a sign-in that began at /auth/providers/{id}/start")
    code_verifier: CodeVerifier | None = None
    provider: str | None = Field(None, max_length=32)
    id_token: str | None = Field(None, min_length=1, max_length=16_384)
    nonce: str | None = Field(None, max_length=100, description="With `id_token`")
    link_token: str | None = Field(
        None, min_length=1, max_length=4_000, description="From a response with `identity_link_required`, or a 202"
    )

    @model_validator(mode="after")
    def _one_proof(self) -> "LinkIdentityRequest":
        pairs = ((self.code, self.code_verifier), (self.provider, self.id_token), (self.link_token, self.link_token))
        given = [pair for pair in pairs if pair != (None, None)]
        if len(given) != 1 or None in given[0]:
            raise coded_error(
                "choose_one", "Send `code` and `code_verifier`, or `provider` and `id_token`, or `link_token`."
            )
        return self


@blueprint.get("")
@endpoint(gives=IdentityList, who=SignedIn())
def list_identities(identity: Identity) -> object:
    """List the identities of the account.

    With the address that each provider named last.
    """
    return {"identities": auth.identities.all(identity)}


@blueprint.post("")
@endpoint(
    takes=LinkIdentityRequest,
    gives=LinkedIdentity,
    status=201,
    who=SignedIn(),
    limit=CREDENTIAL_ATTEMPTS,
    errors=(
        *REAUTHENTICATION_ERRORS,
        ProviderCodeInvalid,
        IdTokenInvalid,
        LinkTokenInvalid,
        ChallengeExpired,
        ChallengeUsed,
        ProviderUnavailable,
        IdentityTaken,
        TooManyIdentities,
        RateLimited,
    ),
)
def link_identity(identity: Identity, body: LinkIdentityRequest) -> object:
    """Link an identity to the account.

    From then on it signs in to this account, whatever its email address. The owner gets an email.
    """
    client = client_info()
    if body.link_token is not None:
        return auth.identities.link_by_token(identity, body.link_token, client)
    if body.code is not None:
        return auth.identities.link_by_code(identity, body.code, str(body.code_verifier), client)
    return auth.identities.link_by_id_token(identity, str(body.provider), str(body.id_token), body.nonce, client)


@blueprint.delete("/<int:identity_id>")
@endpoint(who=SignedIn(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchIdentity, LastWayIn))
def unlink_identity(identity: Identity, identity_id: int) -> None:
    """Unlink an identity.

    All other sessions end. The last way to sign in cannot be removed.
    """
    auth.identities.remove(identity, identity_id, client_info())
