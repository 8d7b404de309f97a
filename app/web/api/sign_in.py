"""/api/v1/auth: sign up, sign in, refresh, sign out."""

from contextlib import nullcontext
from dataclasses import replace

from flask import Blueprint, Response, after_this_request
from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from app.core.errors import RateLimited
from app.current import auth
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.hash_slots import HashSlotsFull
from app.domain.accounts.passwords import PASSWORD_ERRORS, PasswordTooLong
from app.domain.accounts.store import EmailTaken
from app.domain.challenges.challenges import ChallengeExpired
from app.domain.challenges.store import ChallengeUsed
from app.domain.passkeys.verification import PasskeyInvalid
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.jwt_tokens import InvalidToken
from app.flows.sessions import Scope
from app.flows.steps.check_passkey import PasskeyCopySuspected
from app.flows.steps.check_password import InvalidCredentials, WrongPassword
from app.flows.steps.check_second_factor import WrongCode
from app.flows.steps.identity import Identity
from app.flows.steps.issue_tokens import Tokens as IssuedTokens
from app.flows.steps.require_open_sign_up import SignUpClosed
from app.flows.steps.require_recent_auth import StrongerSignInRequired
from app.flows.steps.require_second_factor import SecondFactorEnrolmentRequired, SecondFactorRequired
from app.web.api.passkey_schemas import ASSERTION_EXAMPLE, AssertionCredential, PasskeyRequestOptions
from app.web.api.token_response import Tokens, TransportQuery, confirm_first_response, reject_cross_site, token_response
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import HasRefreshToken, HasToken, SignedIn, SignedInByCookie
from app.web.input_errors import coded_error
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import (
    Attempt,
    Code,
    Email,
    MessageResponse,
    Password,
    PasswordToSet,
    RecoveryCode,
    RequestBody,
    ResponseBody,
    TotpCode,
)
from app.web.transports import cookie, is_by_cookie, presented_refresh_token, sign_out

blueprint = Blueprint("sign_in", __name__, url_prefix="/api/v1/auth")

EXAMPLE: JsonDict = {"email": "ann@example.com", "password": "correct horse battery"}


class LoginRequest(RequestBody):
    """Email address and password."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    email: Email
    password: Password
    trusted_device_token: str | None = Field(
        None, min_length=1, max_length=100, description="From /auth/second-factor: skips the second factor"
    )


class SignupRequest(RequestBody):
    """Email address and password of the new account."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    email: Email
    password: PasswordToSet


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


class ReauthenticateRequest(RequestBody):
    """One way: the current password, a passkey, an emailed code, or a code if the account has a second factor."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"password": EXAMPLE["password"]},
                {"code": "123456"},
                {"passkey": ASSERTION_EXAMPLE},
                {"attempt": "attempt-of-the-202-response", "email_code": "WDJB-MJHT"},
            ]
        }
    )

    password: Password | None = None
    code: TotpCode | None = Field(None, description="Code of the authenticator app")
    recovery_code: RecoveryCode | None = None
    passkey: AssertionCredential | None = Field(None, description="With options of /auth/reauthenticate/options")
    email_code: Code | None = Field(None, description="Code of an email that POST /auth/email sent to the account")
    attempt: Attempt | None = Field(None, description="With `email_code`: from the response of POST /auth/email")

    @model_validator(mode="after")
    def _one(self) -> "ReauthenticateRequest":
        ways = (self.password, self.code, self.recovery_code, self.passkey, self.email_code)
        if sum(value is not None for value in ways) != 1:
            raise coded_error(
                "choose_one", "Send one of `password`, `code`, `recovery_code`, `passkey` and `email_code`."
            )
        if (self.email_code is None) != (self.attempt is None):
            raise coded_error("choose_one", "Send `email_code` and `attempt` together.")
        return self


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
    errors=(
        SignUpClosed,
        EmailTaken,
        InvalidEmail,
        *PASSWORD_ERRORS,
        SecondFactorEnrolmentRequired,
        HashSlotsFull,
        RateLimited,
        CsrfMismatch,
    ),
)
def signup(body: SignupRequest, query: TransportQuery) -> IssuedTokens | Response:
    """Sign up.

    Creates an account and opens a session. With REQUIRE_VERIFIED_EMAIL or SIGN_UP_ANSWER=generic, no session is opened:
    the response is 202 for new and for existing addresses, and an email explains how to continue. Unless SIGN_UP is
    `open`, the response is 403 for every address.
    """
    reject_cross_site(query)
    tokens = auth.registration.sign_up(body.email, body.password, client_info())
    if tokens is None:
        return confirm_first_response()
    return token_response(tokens, query.transport, 201)


@blueprint.post("/login")
@endpoint(
    takes=LoginRequest,
    query=TransportQuery,
    gives=Tokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(
        InvalidCredentials,
        InvalidEmail,
        PasswordTooLong,
        SecondFactorRequired,
        SecondFactorEnrolmentRequired,
        HashSlotsFull,
        RateLimited,
        CsrfMismatch,
    ),
)
def login(body: LoginRequest, query: TransportQuery) -> IssuedTokens | Response:
    """Sign in with email address and password.

    A wrong password and an unknown address get the same response in the same time. So does an unconfirmed address if
    REQUIRE_VERIFIED_EMAIL is on. If the account has a second factor, the response is 403 `second_factor_required`:
    continue with `POST /auth/second-factor`.
    """
    reject_cross_site(query)
    client = client_info()
    if body.trusted_device_token:
        client = replace(client, trusted_device_token=body.trusted_device_token)
    return token_response(auth.sign_in.with_password(body.email, body.password, client), query.transport)


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
    return token_response(tokens, "cookie" if presented.by_cookie else "bearer")


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
    errors=(
        WrongPassword,
        PasswordTooLong,
        WrongCode,
        CodeInvalid,
        PasskeyInvalid,
        ChallengeExpired,
        ChallengeUsed,
        PasskeyCopySuspected,
        StrongerSignInRequired,
        HashSlotsFull,
        RateLimited,
    ),
)
def reauthenticate(identity: Identity, body: ReauthenticateRequest) -> None:
    """Reauthenticate with the password, the second factor, a passkey or an emailed code.

    The session then counts as recently authenticated for REAUTH_WINDOW_SECONDS (ten minutes by default). A code or a
    passkey also raises it to level 2: refresh the tokens to get an access token with `"acr": "aal2"`.
    """
    client = client_info()
    if body.password is not None:
        auth.reauthentication.by_password(identity, body.password, client)
    elif body.code is not None:
        auth.reauthentication.by_code(identity, body.code, client)
    elif body.passkey is not None:
        auth.reauthentication.by_passkey(identity, body.passkey.members(), client)
    elif body.email_code is not None:
        auth.reauthentication.by_emailed_code(identity, str(body.attempt), body.email_code, client)
    else:
        auth.reauthentication.by_recovery_code(identity, str(body.recovery_code), client)


@blueprint.post("/reauthenticate/options")
@endpoint(gives=PasskeyRequestOptions, who=SignedIn())
def get_reauthentication_options(identity: Identity) -> object:
    """Get the options to reauthenticate with a passkey.

    They list the passkeys of the account. Send the result to /auth/reauthenticate as `passkey`.
    """
    return {"publicKey": auth.reauthentication.passkey_options(identity)}
