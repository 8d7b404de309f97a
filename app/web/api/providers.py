"""/api/v1/auth/providers: sign in with an outside identity provider."""

import json
from typing import Annotated, Any, Final, cast

from flask import Blueprint, Response, redirect, url_for
from pydantic import ConfigDict, Field

from app.core.errors import RateLimited
from app.current import auth
from app.domain.challenges.challenges import ChallengeExpired
from app.domain.challenges.store import ChallengeUsed
from app.domain.providers.errors import IdTokenInvalid, ProviderNotFound, ProviderUnavailable
from app.domain.tokens.csrf import CsrfMismatch
from app.flows.provider_sign_in import ProviderAnswer, ProviderFlowInvalid
from app.flows.steps.issue_tokens import Tokens as IssuedTokens
from app.flows.steps.read_identity import ProviderCodeInvalid
from app.flows.steps.require_allowed_redirect import RedirectNotAllowed
from app.flows.steps.require_open_sign_up import SignUpClosed
from app.flows.steps.require_second_factor import SecondFactorEnrolmentRequired, SecondFactorRequired
from app.flows.steps.sign_in_with_identity import EmailNeeded, IdentityLinkRequired, IdentityUnusable, StartedByEmail
from app.web import cookies
from app.web.api.token_response import Tokens, TransportQuery, reject_cross_site, token_response
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import Name, ProviderCodeText, RequestBody, ResponseBody

FLOW: Final = "flow"  # the cookie
FLOW_SECONDS: Final = 600
EMAIL_SENT: Final = "An email has been sent to your address. Enter its code here, or open its link, to continue."
LIMIT: Final = Limit("credentials")
CHALLENGE: Final = r"^[A-Za-z0-9_-]{43}$"
VERIFIER: Final = r"^[A-Za-z0-9._~-]{43,128}$"
PRINTABLE: Final = r"^[ -~]*$"

SIGN_IN_ERRORS: Final = (
    EmailNeeded,
    IdentityUnusable,
    IdentityLinkRequired,
    SignUpClosed,
    SecondFactorRequired,
    SecondFactorEnrolmentRequired,
    RateLimited,
    CsrfMismatch,
)

blueprint = Blueprint("providers", __name__, url_prefix="/api/v1/auth")

CodeVerifier = Annotated[str, Field(pattern=VERIFIER, description="The PKCE verifier of the app's code_challenge")]
FromProvider = Annotated[str, Field(max_length=4_096)]


class ProviderView(ResponseBody):
    """An identity provider."""

    id: str = Field(examples=["google"])
    name: str = Field(description="For a button", examples=["Google"])


class ProviderList(ResponseBody):
    """The identity providers, in the order of PROVIDERS."""

    providers: list[ProviderView]


class StartQuery(RequestBody):
    """Where the sign-in ends, and the app's own PKCE challenge and state."""

    redirect_to: str = Field(max_length=1_000, description="A member of REDIRECT_URLS, character by character")
    code_challenge: str = Field(pattern=CHALLENGE, description="base64url of the SHA-256 of the app's code_verifier")
    state: str | None = Field(None, max_length=500, pattern=PRINTABLE, description="Returned unchanged")


class CallbackQuery(RequestBody):
    """What the provider sends with the browser. Providers add members of their own, which are ignored."""

    model_config = ConfigDict(extra="ignore")

    code: FromProvider | None = None
    state: FromProvider | None = None
    iss: FromProvider | None = Field(None, description="The provider's issuer (RFC 9207)")
    error: FromProvider | None = None
    user: FromProvider | None = Field(None, description="Apple sends the names, once, as JSON")


class CallbackForm(CallbackQuery):
    """The same as a form, which Apple makes the browser post."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": [{"code": "c1", "state": "s1"}]})


class ProviderCode(RequestBody):
    """The code of the redirect, and the app's own PKCE verifier."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"code": "code-of-the-redirect", "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}
            ]
        }
    )

    code: ProviderCodeText
    code_verifier: CodeVerifier


class IdTokenRequest(RequestBody):
    """An ID token that an app got from the provider's SDK."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"provider": "apple", "id_token": "eyJhbGciOi…", "nonce": "nonce-of-id-token/nonce"}]
        }
    )

    provider: str = Field(max_length=32, examples=["apple"])
    id_token: str = Field(min_length=1, max_length=16_384)
    nonce: str | None = Field(
        None, max_length=100, description="As GET /auth/id-token/nonce gave it, also if the ID token has its SHA-256"
    )
    first_name: Name | None = Field(None, description="If the SDK gives it next to the ID token, as Apple's does once")
    last_name: Name | None = None


class EmailSentResponse(ResponseBody):
    """The provider does not vouch for the address, so an email with a link and a code was sent to it.

    Sign in with them at /auth/email/code or /auth/email/link, then link the identity at /account/identities.
    """

    message: str = Field(examples=[EMAIL_SENT])
    attempt: str = Field(description="Keep it, and send it with the code or the link")
    link_token: str = Field(description="For /account/identities, within ten minutes")
    expires_in: int = Field(description="Seconds that the link in the email works", examples=[1800])


class NonceResponse(ResponseBody):
    """A nonce for one ID token."""

    nonce: str
    expires_in: int = Field(description="Seconds", examples=[600])


@blueprint.get("/providers")
@endpoint(gives=ProviderList, needs_database=False)
def list_providers() -> object:
    """List the identity providers.

    For each, lead the browser to `/auth/providers/{id}/start`.
    """
    return {"providers": auth.provider_sign_in.all()}


@blueprint.get("/providers/<string:provider_id>/start")
@endpoint(
    query=StartQuery,
    status=303,
    limit=LIMIT,
    needs_database=False,
    navigated=True,
    errors=(ProviderNotFound, RedirectNotAllowed, ProviderUnavailable, RateLimited),
)
def start_provider_sign_in(provider_id: str, query: StartQuery) -> Response:
    """Start a sign-in with an identity provider.

    Open this as a page, not with fetch: it sets a cookie and redirects to the provider. The browser comes back to
    `redirect_to` with `code` for /auth/providers/token, or with `error`, a code of this API; and with `state`.
    """
    started = auth.provider_sign_in.start(provider_id, query.redirect_to, query.code_challenge, query.state)
    answer = _see_other(started.url)
    cookies.set_cookie(answer, FLOW, started.cookie, FLOW_SECONDS, same_site="Lax")
    return answer


@blueprint.get("/providers/<string:provider_id>/callback")
@endpoint(
    query=CallbackQuery,
    status=303,
    limit=LIMIT,
    needs_database=False,
    navigated=True,
    errors=(ProviderFlowInvalid, RateLimited),
)
def finish_provider_sign_in(provider_id: str, query: CallbackQuery) -> Response:
    """Finish a sign-in with an identity provider.

    The provider redirects the browser here. Without the cookie of the start it is redirected nowhere.
    """
    given = ProviderAnswer(query.code, query.state, query.iss, query.error, _parsed(query.user))
    answer = _see_other(auth.provider_sign_in.finish(provider_id, cookies.get(FLOW), given))
    cookies.delete(answer, FLOW, same_site="Lax")
    return answer


@blueprint.post("/providers/<string:provider_id>/callback")
@endpoint(
    takes=CallbackForm, form=True, status=303, limit=LIMIT, needs_database=False, navigated=True, errors=(RateLimited,)
)
def repeat_provider_answer(provider_id: str, body: CallbackForm) -> Response:
    """Take a provider's answer as a form.

    The form comes from the provider's page, so browsers send no Lax cookie with it. They do with the same request as
    GET, to which this redirects.
    """
    given = body.model_dump(exclude_none=True)
    return _see_other(url_for(".finish_provider_sign_in", provider_id=provider_id, **given))


@blueprint.post("/providers/token")
@endpoint(
    takes=ProviderCode,
    query=TransportQuery,
    gives=Tokens,
    also={202: EmailSentResponse},
    limit=CREDENTIAL_ATTEMPTS,
    errors=(ProviderCodeInvalid, *SIGN_IN_ERRORS),
)
def get_provider_tokens(body: ProviderCode, query: TransportQuery) -> object:
    """Get tokens for the code of a sign-in with an identity provider.

    The code works once, within 60 seconds, for the app whose `code_challenge` began the sign-in.
    """
    reject_cross_site(query)
    signed_in = auth.provider_sign_in.sign_in_with_code(body.code, body.code_verifier, client_info())
    return _response(signed_in, query)


@blueprint.get("/id-token/nonce")
@endpoint(gives=NonceResponse, needs_database=False)
def get_id_token_nonce() -> object:
    """Get a nonce for an ID token.

    Give it to the provider's SDK, or its SHA-256 in hexadecimal if the SDK asks for that.
    """
    return auth.provider_sign_in.nonce()


@blueprint.post("/id-token")
@endpoint(
    takes=IdTokenRequest,
    query=TransportQuery,
    gives=Tokens,
    also={202: EmailSentResponse},
    limit=CREDENTIAL_ATTEMPTS,
    errors=(IdTokenInvalid, ChallengeExpired, ChallengeUsed, ProviderUnavailable, *SIGN_IN_ERRORS),
)
def sign_in_with_id_token(body: IdTokenRequest, query: TransportQuery) -> object:
    """Sign in with an ID token.

    For apps that use the SDK of Google or Apple. Each ID token works once.
    """
    reject_cross_site(query)
    signed_in = auth.provider_sign_in.sign_in_with_id_token(
        body.provider, body.id_token, body.nonce, client_info(), first_name=body.first_name, last_name=body.last_name
    )
    return _response(signed_in, query)


def _response(signed_in: IssuedTokens | StartedByEmail, query: TransportQuery) -> object:
    if isinstance(signed_in, IssuedTokens):
        return token_response(signed_in, query.transport)
    sent = EmailSentResponse(
        message=EMAIL_SENT, attempt=signed_in.attempt, link_token=signed_in.link_token, expires_in=signed_in.expires_in
    )
    return Response(sent.model_dump_json(), 202, mimetype="application/json")


def _see_other(url: str) -> Response:
    answer = cast(Response, redirect(url, 303))
    answer.set_data(b"")  # browsers need only the header, and the page would show the code
    return answer


def _parsed(user: str | None) -> Any:
    try:
        return json.loads(user) if user else None
    except (ValueError, RecursionError):
        return None
