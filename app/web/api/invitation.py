"""/api/v1/auth/invitation: answer an invitation with a passkey."""

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.core.errors import RateLimited
from app.current import auth
from app.domain.challenges.challenges import ChallengeExpired
from app.domain.challenges.store import ChallengeUsed
from app.domain.passkeys.store import PasskeyExists
from app.domain.passkeys.verification import PasskeyInvalid
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.links import LinkExpired, LinkInvalid, LinkUsed
from app.web.api.passkey_schemas import ATTESTATION_EXAMPLE, AttestationCredential, PasskeyCreationOptions
from app.web.api.token_response import Tokens, TransportQuery, reject_cross_site, token_response
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import FactorName, LinkToken, RequestBody

blueprint = Blueprint("invitation", __name__, url_prefix="/api/v1/auth/invitation/passkey")
LINK_ERRORS = (LinkInvalid, LinkExpired, LinkUsed)
EXAMPLE_TOKEN = "paste-it-from-the-email"  # noqa: S105 - an example


class InvitationOptionsRequest(RequestBody):
    """The token of the link in the invitation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": EXAMPLE_TOKEN}]})

    token: LinkToken


class AnswerInvitationRequest(RequestBody):
    """The token of the link in the invitation, the credential that the browser created, and a name for it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": EXAMPLE_TOKEN, "credential": ATTESTATION_EXAMPLE}]}
    )

    token: LinkToken
    credential: AttestationCredential
    name: FactorName | None = Field(None, description="By default the name of the device", examples=["Laptop"])


@blueprint.post("/options")
@endpoint(
    takes=InvitationOptionsRequest,
    gives=PasskeyCreationOptions,
    limit=Limit("links"),
    errors=(*LINK_ERRORS, RateLimited),
)
def get_invitation_passkey_options(body: InvitationOptionsRequest) -> object:
    """Get the options to answer an invitation with a passkey.

    Give `publicKey` to `PublicKeyCredential.parseCreationOptionsFromJSON`, and the result to
    `navigator.credentials.create`. The link keeps working.
    """
    return {"publicKey": auth.invitation_answer.passkey_options(body.token)}


@blueprint.post("")
@endpoint(
    takes=AnswerInvitationRequest,
    query=TransportQuery,
    gives=Tokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(*LINK_ERRORS, PasskeyInvalid, PasskeyExists, ChallengeExpired, ChallengeUsed, RateLimited, CsrfMismatch),
)
def answer_invitation_with_passkey(body: AnswerInvitationRequest, query: TransportQuery) -> object:
    """Answer an invitation with a passkey.

    Takes the `toJSON()` of the credential. Adds the passkey, marks the email address as verified, uses up the link, and
    opens a session at level 2. To answer with a password, send the token to /reset-password instead.
    """
    reject_cross_site(query)
    tokens = auth.invitation_answer.with_passkey(body.token, body.credential.members(), body.name, client_info())
    return token_response(tokens, query.transport)
