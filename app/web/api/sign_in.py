"""/api/v1/auth: sign up, sign in, refresh, sign out."""

from flask import Blueprint, Response
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.core.errors import RateLimited
from app.current import auth, settings
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.hash_slots import HashSlotsFull
from app.domain.accounts.passwords import PASSWORD_ERRORS, PasswordTooLong
from app.domain.accounts.store import EmailTaken
from app.domain.tokens.csrf import CsrfMismatch
from app.flows.sessions import Identity, Scope
from app.flows.steps.check_password import InvalidCredentials, WrongPassword
from app.flows.steps.issue_tokens import Tokens as IssuedTokens
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import HasRefreshToken, SignedIn, SignedInByCookie
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import Email, Password, PasswordToSet, RequestBody, ResponseBody
from app.web.transports import cookie, presented_refresh_token

blueprint = Blueprint("sign_in", __name__, url_prefix="/api/v1/auth")

EXAMPLE: JsonDict = {"email": "ann@example.com", "password": "correct horse battery"}


class LoginRequest(RequestBody):
    """An address and a password."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    email: Email
    password: Password


class SignupRequest(LoginRequest):
    """An address and the password to set."""

    password: PasswordToSet


class Tokens(ResponseBody):
    """A pair of tokens. Send `access_token` as `Authorization: Bearer …`; keep `refresh_token` for /auth/refresh."""

    omits_none = True

    access_token: str | None = Field(None, description="Left out with transport=cookie")
    refresh_token: str | None = Field(None, description="Left out with transport=cookie")
    token_type: str = Field(examples=["Bearer"])
    csrf_token: str | None = Field(None, description="With transport=cookie: send it back as X-CSRF-Token")
    expires_in: int = Field(description="Seconds until the access token expires", examples=[884])


class RefreshRequest(RequestBody):
    """The refresh token, unless it is in the Authorization header or in a cookie."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"refresh_token": "eyJhbGciOi…"}]})

    refresh_token: str | None = None


class CsrfToken(ResponseBody):
    """What a page sends as X-CSRF-Token with each request that writes."""

    csrf_token: str


class TransportQuery(RequestBody):
    """How the tokens are to travel."""

    transport: cookie.Way = Field("bearer", description="cookie: HttpOnly cookies instead of tokens in the body")


class ReauthenticateRequest(RequestBody):
    """The password of whoever is signed in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": EXAMPLE["password"]}]})

    password: Password


class VerificationSent(ResponseBody):
    """Where addresses must be confirmed first: the email says the rest."""

    message: str


class LogoutQuery(RequestBody):
    """Which sessions to end."""

    scope: Scope = Field("this", description="this session, the account's others, or all")


@blueprint.post("/signup")
@endpoint(
    takes=SignupRequest,
    query=TransportQuery,
    gives=Tokens,
    status=201,
    also={202: VerificationSent},
    limit=Limit("20 per minute"),
    errors=(EmailTaken, InvalidEmail, *PASSWORD_ERRORS, HashSlotsFull, RateLimited, CsrfMismatch),
)
def signup(body: SignupRequest, query: TransportQuery) -> IssuedTokens | Response:
    """Open an account and sign in.

    Where addresses must be confirmed first (REQUIRE_VERIFIED_EMAIL) nobody is signed in: the answer is 202, the same
    for a new and for a taken address, and an email says the rest.
    """
    if settings.require_verified_email:
        auth.registration.sign_up_unverified(body.email, body.password, client_info())
        message = VerificationSent(message="An email is on its way. Open its link to go on.")
        return Response(message.model_dump_json(), 202, mimetype="application/json")
    _refuse_cross_site(query)
    return _token_response(auth.registration.sign_up(body.email, body.password, client_info()), query.transport, 201)


@blueprint.post("/login")
@endpoint(
    takes=LoginRequest,
    query=TransportQuery,
    gives=Tokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(InvalidCredentials, InvalidEmail, PasswordTooLong, HashSlotsFull, RateLimited, CsrfMismatch),
)
def login(body: LoginRequest, query: TransportQuery) -> IssuedTokens | Response:
    """Sign in with address and password.

    A wrong password and an unknown address get the same answer in the same time; so does, with
    REQUIRE_VERIFIED_EMAIL, an address that waits to be confirmed.
    """
    _refuse_cross_site(query)
    return _token_response(auth.sign_in.with_password(body.email, body.password, client_info()), query.transport)


@blueprint.post("/refresh")
@endpoint(takes=RefreshRequest, gives=Tokens, who=HasRefreshToken(), idempotent=True)
def refresh(body: RefreshRequest, idempotency_key: str | None) -> IssuedTokens | Response:
    """Trade the refresh token for a new pair.

    Send the refresh token as `refresh_token` in the body or as `Authorization: Bearer …`; browsers with our cookies
    send neither. It is used up. Sent again within a few seconds, as two tabs do, it gives the same
    successor again, and so it does at any time with the `Idempotency-Key` of the first attempt. Sent later without one
    it is taken for stolen, and the session ends.
    """
    tokens = auth.sessions.refresh(presented_refresh_token(body.refresh_token), client_info(), idempotency_key)
    return _token_response(tokens, "cookie" if cookie.Cookie().is_presented() else "bearer")


@blueprint.get("/csrf")
@endpoint(gives=CsrfToken, who=SignedInByCookie())
def get_csrf_token(csrf_token: str) -> object:
    """The CSRF token of this browser's session.

    For pages of another origin in CORS_ORIGINS, which cannot read our cookies. The token stays the same as long as the
    session lives; this answers also when only the refresh cookie is left.
    """
    return {"csrf_token": csrf_token}


@blueprint.post("/logout")
@endpoint(query=LogoutQuery, who=SignedIn(), status=204)
def logout(identity: Identity, query: LogoutQuery) -> Response:
    """End this session, the other ones, or all.

    Every token of an ended session is refused from this answer on.
    """
    auth.sessions.sign_out(identity, client_info(), query.scope)
    answer = Response(status=204)
    return cookie.clear(answer) if cookie.Cookie().is_presented() and query.scope != "others" else answer


@blueprint.post("/reauthenticate")
@endpoint(
    takes=ReauthenticateRequest,
    who=SignedIn(),
    status=204,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(WrongPassword, PasswordTooLong, HashSlotsFull, RateLimited),
)
def reauthenticate(identity: Identity, body: ReauthenticateRequest) -> None:
    """Give the password once more.

    For the next ten minutes this session may do what needs a fresh sign-in.
    """
    auth.sign_in.reauthenticate(identity, body.password, client_info())


def _refuse_cross_site(query: TransportQuery) -> None:
    if query.transport == "cookie":  # else a stranger's page could sign a browser in as somebody else
        cookie.reject_cross_site()


def _token_response(tokens: IssuedTokens, transport: cookie.Way, status: int = 200) -> IssuedTokens | Response:
    return cookie.set_tokens(tokens, status) if transport == "cookie" else tokens
