"""/api/v1/auth/passkey: sign in and sign up with a passkey."""

from flask import Blueprint, Response
from pydantic import ConfigDict, Field

from app.core.errors import RateLimited
from app.current import auth
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.store import EmailTaken
from app.domain.challenges.challenges import ChallengeExpired
from app.domain.challenges.store import ChallengeUsed
from app.domain.passkeys.store import PasskeyExists
from app.domain.passkeys.verification import PasskeyInvalid
from app.domain.tokens.csrf import CsrfMismatch
from app.flows.steps.check_passkey import PasskeyCopySuspected, PasskeyUnknown, PasskeyUnusable
from app.flows.steps.issue_tokens import Tokens as IssuedTokens
from app.flows.steps.open_second_step import SignInExpired, SignInTokenInvalid
from app.flows.steps.require_open_sign_up import SignUpClosed
from app.web.api.passkey_schemas import (
    ASSERTION_EXAMPLE,
    ATTESTATION_EXAMPLE,
    AssertionCredential,
    AttestationCredential,
    PasskeyCreationOptions,
    PasskeyRequestOptions,
)
from app.web.api.token_response import Tokens, TransportQuery, confirm_first_response, reject_cross_site, token_response
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import Email, FactorName, MessageResponse, Name, RequestBody, SignInToken

blueprint = Blueprint("passkey_sign_in", __name__, url_prefix="/api/v1/auth/passkey")
EMAIL = "ann@example.com"


class PasskeyOptionsRequest(RequestBody):
    """Nothing, or the token of a sign-in that goes on with a passkey."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"token": "token-of-the-403-response"}]})

    token: SignInToken | None = Field(None, description="From a response with `second_factor_required`")


class PasskeySignInRequest(RequestBody):
    """The credential that the browser returned."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"credential": ASSERTION_EXAMPLE}]})

    credential: AssertionCredential


class PasskeySignUpOptionsRequest(RequestBody):
    """The email address of the new account, and a name that the authenticator shows with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": EMAIL}]})

    email: Email
    display_name: Name | None = Field(None, description="By default the email address", examples=["Ann"])


class PasskeySignUpRequest(RequestBody):
    """The email address of the new account, the credential that the browser created, and a name for it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": EMAIL, "credential": ATTESTATION_EXAMPLE}]})

    email: Email
    credential: AttestationCredential
    name: FactorName | None = Field(None, description="By default the name of the device", examples=["Laptop"])


@blueprint.post("/options")
@endpoint(
    takes=PasskeyOptionsRequest,
    gives=PasskeyRequestOptions,
    needs_database=False,
    errors=(SignInTokenInvalid, SignInExpired),
)
def get_passkey_request_options(body: PasskeyOptionsRequest) -> object:
    """Get the options to use a passkey.

    Give `publicKey` to `PublicKeyCredential.parseRequestOptionsFromJSON`, and the result to
    `navigator.credentials.get`. With the token of a sign-in that needs a second factor, they list the passkeys of its
    account; send the result to /auth/second-factor.
    """
    return {"publicKey": auth.passkey_sign_in.options(body.token)}


@blueprint.post("")
@endpoint(
    takes=PasskeySignInRequest,
    query=TransportQuery,
    gives=Tokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(
        PasskeyInvalid,
        ChallengeExpired,
        ChallengeUsed,
        PasskeyUnknown,
        PasskeyUnusable,
        PasskeyCopySuspected,
        RateLimited,
        CsrfMismatch,
    ),
)
def sign_in_with_passkey(body: PasskeySignInRequest, query: TransportQuery) -> object:
    """Sign in with a passkey.

    Takes the `toJSON()` of the credential. The session is at level 2 (`"acr": "aal2"`), so no second factor is asked
    for. After `passkey_unknown` a page may call `PublicKeyCredential.signalUnknownCredential`.
    """
    reject_cross_site(query)
    return token_response(auth.passkey_sign_in.sign_in(body.credential.members(), client_info()), query.transport)


@blueprint.post("/sign-up/options")
@endpoint(
    takes=PasskeySignUpOptionsRequest,
    gives=PasskeyCreationOptions,
    needs_database=False,
    errors=(SignUpClosed, InvalidEmail),
)
def get_passkey_sign_up_options(body: PasskeySignUpOptionsRequest) -> object:
    """Get the options to sign up with a passkey.

    The same for new and for existing addresses. Give `publicKey` to
    `PublicKeyCredential.parseCreationOptionsFromJSON`, and the result to `navigator.credentials.create`.
    """
    return {"publicKey": auth.passkey_sign_up.options(body.email, body.display_name)}


@blueprint.post("/sign-up")
@endpoint(
    takes=PasskeySignUpRequest,
    query=TransportQuery,
    gives=Tokens,
    status=201,
    also={202: MessageResponse},
    limit=Limit("sign_up"),
    errors=(
        SignUpClosed,
        EmailTaken,
        InvalidEmail,
        PasskeyInvalid,
        PasskeyExists,
        ChallengeExpired,
        ChallengeUsed,
        RateLimited,
        CsrfMismatch,
    ),
)
def sign_up_with_passkey(body: PasskeySignUpRequest, query: TransportQuery) -> IssuedTokens | Response:
    """Sign up with a passkey and no password.

    Takes the `toJSON()` of the credential that was created with the options for the same address. With
    REQUIRE_VERIFIED_EMAIL or SIGN_UP_ANSWER=generic, no session is opened: the response is 202 for new and for existing
    addresses, and an email explains how to continue. Unless SIGN_UP is `open`, the response is 403 for every address.
    """
    reject_cross_site(query)
    tokens = auth.passkey_sign_up.sign_up(body.email, body.credential.members(), body.name, client_info())
    return confirm_first_response() if tokens is None else token_response(tokens, query.transport, 201)
