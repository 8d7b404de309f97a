"""/api/v1/admin/users/{id}/claims: what access tokens say about an account to your services."""

from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint
from pydantic import ConfigDict, Field, WithJsonSchema

from app.current import auth
from app.domain.accounts.claims import InvalidClaims
from app.domain.accounts.store import NoSuchAccount
from app.flows.steps.identity import Identity
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, Administrator
from app.web.schemas import RequestBody

blueprint = Blueprint("admin_claims", __name__, url_prefix="/api/v1/admin/users")

# Of any type, so that a wrong one gets the code of all other invalid claims.
_OBJECT = WithJsonSchema({"type": "object", "additionalProperties": True})


class SetClaimsRequest(RequestBody):
    """All claims of the account; others are removed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"claims": {"plan": "team", "seats": 5}}]})

    claims: Annotated[Any, _OBJECT] = Field(description="At most 1 KiB as compact JSON in UTF-8")


@blueprint.put("/<uuid:user_id>/claims")
@endpoint(
    takes=SetClaimsRequest,
    who=Administrator(),
    status=204,
    errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount, InvalidClaims),
)
def set_user_claims(identity: Identity, user_id: UUID, body: SetClaimsRequest) -> None:
    """Set the claims of an account.

    Replaces all of them; an empty object removes them. They are for your services: the account's owner sees them, and
    the next access token contains them.
    """
    auth.admin_accounts.set_claims(identity, str(user_id), body.claims)
