"""/api/v1/auth: sign up, sign in, refresh, sign out."""

from contextlib import nullcontext

from flask import Blueprint, Response, after_this_request
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.core.errors import RateLimited
from app.current import auth
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.hash_slots import HashSlotsFull
from app.domain.accounts.passwords import PASSWORD_ERRORS, PasswordTooLong
from app.domain.accounts.store import EmailTaken
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.jwt_tokens import InvalidToken
from app.flows.sessions import Scope
from app.flows.steps.check_password import InvalidCredentials, WrongPassword
from app.flows.steps.identity import Identity
from app.flows.steps.issue_tokens import Tokens as IssuedTokens
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import HasRefreshToken, HasToken, SignedIn, SignedInByCookie
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import Email, MessageResponse, Password, PasswordToSet, RequestBody, ResponseBody
from app.web.transports import cookie, is_by_cookie, presented_refresh_token, sign_out

blueprint = Blueprint("sign_in", __name__, url_prefix="/api/v1/auth")

EXAMPLE: JsonDict = {"email": "ann@example.com", "password": "correct horse battery"}


class LoginRequest(RequestBody):
    """Email address and password."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    email: Email
    password: Password


class SignupRequest(LoginRequest):
    """Email address and password of the new account."""

    password: PasswordToSet


class Tokens(ResponseBody):
    """An access token for `Authorization: Bearer …` and a refresh token for /auth/refresh."""

    omits_none = True

    access_token: str | None = Field(None, description="Absent with transport=cookie")
    refresh_token: str | None = Field(None, description="Absent with transport=cookie")
    token_type: str = Field(examples=["Bearer"])
    csrf_token: str | None = Field(None, description="With transport=cookie: send it as X-CSRF-Token")
    expires_in: int = Field(description="Seconds until the access token expires", examples=[884])


class RefreshRequest(RequestBody):
    """The refresh token, unless it is sent in the Authorization header or a cookie."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"refresh_token": "eyJhbGciOi…"}]})

    refresh_token: str | None = None


class LogoutRequest(RequestBody):
    """The refresh token, if it is to end its session. Otherwise the credential of the request does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"refresh_token": "eyJhbGciOi…"}]})

    refresh_token: str | None = None


class CsrfToken(ResponseBody):
    """The value for the X-CSRF-Token header of requests that write."""

    csrf_token: str


class TransportQuery(RequestBody):
    """How the tokens are sent."""

    transport: cookie.TransportName = Field(
        "bearer", description="`cookie`: HttpOnly cookies instead of tokens in the body"
    )


class ReauthenticateRequest(RequestBody):
    """The current password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": EXAMPLE["password"]}]})

    password: Password


class LogoutQuery(RequestBody):
    """Which sessions to end."""

    scope: Scope = Field("this", description="`this` session, all `others` of the account, or `all`")


@blueprint.post("/signup")
@endpoint(
    takes=SignupRequest,
    query=TransportQuery,
    gives=Tokens,
    status=201,
    also={202: MessageResponse},
    limit=Limit("sign_up"),
    errors=(EmailTaken, InvalidEmail, *PASSWORD_ERRORS, HashSlotsFull, RateLimited, CsrfMismatch),
)
def signup(body: SignupRequest, query: TransportQuery) -> IssuedTokens | Response:
    """Sign up.

    Creates an account and opens a session. With REQUIRE_VERIFIED_EMAIL, no session is opened: the response is 202 for
    new and for existing addresses, and an email explains how to continue.
    """
    _refuse_cross_site(query)
    tokens = auth.registration.sign_up(body.email, body.password, client_info())
    if tokens is None:
        message = MessageResponse(message="An email has been sent. Open its link to continue.")
        return Response(message.model_dump_json(), 202, mimetype="application/json")
    return _token_response(tokens, query.transport, 201)


@blueprint.post("/login")
@endpoint(
    takes=LoginRequest,
    query=TransportQuery,
    gives=Tokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(InvalidCredentials, InvalidEmail, PasswordTooLong, HashSlotsFull, RateLimited, CsrfMismatch),
)
def login(body: LoginRequest, query: TransportQuery) -> IssuedTokens | Response:
    """Sign in with email address and password.

    A wrong password and an unknown address get the same response in the same time. So does an unconfirmed address if
    REQUIRE_VERIFIED_EMAIL is on.
    """
    _refuse_cross_site(query)
    return _token_response(auth.sign_in.with_password(body.email, body.password, client_info()), query.transport)


@blueprint.post("/refresh")
@endpoint(takes=RefreshRequest, gives=Tokens, who=HasRefreshToken(), idempotent=True)
def refresh(body: RefreshRequest, idempotency_key: str | None) -> IssuedTokens | Response:
    """Refresh the tokens.

    Send the refresh token as `refresh_token` in the body, as `Authorization: Bearer …`, or by cookie. It can be used
    once. Sent again within the grace period of a few seconds, or with the `Idempotency-Key` of the first request, it
    returns the same new tokens. Sent again later, because the response got lost, it returns other new tokens, as long
    as the first ones were not used to refresh. Any other reuse is treated as theft: the session ends.
    """
    presented = presented_refresh_token(body.refresh_token)
    with cookie.deleting_dead() if presented.by_cookie else nullcontext():
        tokens = auth.sessions.refresh(presented.value, client_info(), idempotency_key)
    return _token_response(tokens, "cookie" if presented.by_cookie else "bearer")


@blueprint.get("/csrf")
@endpoint(gives=CsrfToken, who=SignedInByCookie())
def get_csrf_token(csrf_token: str) -> object:
    """Get the CSRF token.

    For pages of another origin listed in CORS_ORIGINS, which cannot read the cookies of this service. The token is
    valid until the session ends. This works even if the access cookie has expired.
    """
    return {"csrf_token": csrf_token}


@blueprint.post("/logout")
@endpoint(takes=LogoutRequest, query=LogoutQuery, who=HasToken(), status=204)
def logout(body: LogoutRequest, query: LogoutQuery) -> Response:
    """Sign out.

    Ends this session, all other sessions, or all sessions. Their tokens stop working immediately. The access token, the
    refresh token or the cookies are enough; the refresh token may also be in the body. A 401 means that the session has
    already ended. In both cases the cookies are deleted.
    """
    by_cookie = is_by_cookie(body.refresh_token)
    try:
        sign_out(body.refresh_token, query.scope)
    except InvalidToken:
        if by_cookie:
            after_this_request(cookie.clear)
        raise
    answer = Response(status=204)
    return cookie.clear(answer) if query.scope != "others" and (by_cookie or cookie.are_dead()) else answer


@blueprint.post("/reauthenticate")
@endpoint(
    takes=ReauthenticateRequest,
    who=SignedIn(),
    status=204,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(WrongPassword, PasswordTooLong, HashSlotsFull, RateLimited),
)
def reauthenticate(identity: Identity, body: ReauthenticateRequest) -> None:
    """Reauthenticate with the password.

    The session then counts as recently authenticated for REAUTH_WINDOW_SECONDS (ten minutes by default).
    """
    auth.sign_in.reauthenticate(identity, body.password, client_info())


def _refuse_cross_site(query: TransportQuery) -> None:
    if query.transport == "cookie":  # login CSRF: another site's page must not sign a browser in
        cookie.reject_cross_site()


def _token_response(
    tokens: IssuedTokens, transport: cookie.TransportName, status: int = 200
) -> IssuedTokens | Response:
    return cookie.set_tokens(tokens, status) if transport == "cookie" else tokens
