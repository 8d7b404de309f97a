"""/api/v1/auth/email: sign in by a link or a code in an email."""

from datetime import datetime
from typing import Final

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.core.errors import RateLimited
from app.current import auth
from app.domain.accounts.emails import InvalidEmail
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.links import LinkExpired, LinkInvalid, LinkUsed
from app.flows.email_sign_in import EmailSignInOff, RequestedElsewhere
from app.flows.steps.require_open_sign_up import SignUpClosed
from app.flows.steps.require_second_factor import SecondFactorEnrolmentRequired, SecondFactorRequired
from app.web.api.token_response import Tokens, TransportQuery, reject_cross_site, token_response
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import Attempt, Code, Email, LinkToken, RequestBody, ResponseBody

blueprint = Blueprint("email_sign_in", __name__, url_prefix="/api/v1/auth/email")

EMAIL_SENT: Final = "If this address can sign in here, an email has been sent to it."
EXAMPLE: Final = "attempt-of-the-202-response"
LINK_ERRORS: Final = (LinkInvalid, LinkExpired, LinkUsed)
SIGN_IN_ERRORS: Final = (SecondFactorRequired, SecondFactorEnrolmentRequired, SignUpClosed, RateLimited, CsrfMismatch)


class EmailSignInRequest(RequestBody):
    """The address to send the email to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ann@example.com"}]})

    email: Email


class EmailSignInResponse(ResponseBody):
    """The same for every address."""

    message: str = Field(examples=[EMAIL_SENT])
    attempt: str = Field(description="Keep it, and send it with the code or the link")
    expires_in: int = Field(description="Seconds that the link in the email works", examples=[1800])


class SignInLinkCheckRequest(RequestBody):
    """The token from the link in the email, and the attempt if this client asked for it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "paste-it-from-the-email"}]})

    token: LinkToken
    attempt: Attempt | None = None


class SignInLinkRequest(SignInLinkCheckRequest):
    """The same, and whether to sign in on this device although the email was requested on another one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": "paste-it-from-the-email", "attempt": EXAMPLE}]}
    )

    other_device: bool = Field(False, description="The user has seen the address and the device, and chose to sign in")


class SignInCodeRequest(RequestBody):
    """The code from the email, and the attempt of the client that asked for it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"attempt": EXAMPLE, "code": "WDJB-MJHT"}]})

    attempt: Attempt
    code: Code


class SignInLink(ResponseBody):
    """What to show before the user presses a button to sign in."""

    email: str = Field(examples=["ann@example.com"])
    requested_at: datetime
    device: str = Field(description="The device that asked for the email", examples=["Firefox on Windows"])
    same_device: bool = Field(description="Whether `attempt` is that of the request")


@blueprint.post("")
@endpoint(
    takes=EmailSignInRequest,
    gives=EmailSignInResponse,
    status=202,
    limit=Limit("sign_in_emails"),
    errors=(InvalidEmail, EmailSignInOff, RateLimited),
)
def send_sign_in_email(body: EmailSignInRequest) -> object:
    """Send an email with a link and a code to sign in.

    The response is the same whether or not the account exists. With EMAIL_SIGN_IN=open an unknown address gets an
    email too, and opens an account.
    """
    requested = auth.email_sign_in.request(body.email, client_info())
    return EmailSignInResponse(message=EMAIL_SENT, attempt=requested.attempt, expires_in=requested.expires_in)


@blueprint.post("/link/check")
@endpoint(takes=SignInLinkCheckRequest, gives=SignInLink, limit=Limit("links"), errors=(*LINK_ERRORS, RateLimited))
def check_sign_in_link(body: SignInLinkCheckRequest) -> object:
    """Find out whom a sign-in link signs in.

    Changes nothing. Show the address before the user presses a button: the link may have been sent by somebody who
    wants the user to sign in to an account that is not theirs.
    """
    return auth.email_sign_in.check(body.token, body.attempt)


@blueprint.post("/link")
@endpoint(
    takes=SignInLinkRequest,
    query=TransportQuery,
    gives=Tokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(*LINK_ERRORS, RequestedElsewhere, *SIGN_IN_ERRORS),
)
def sign_in_with_email_link(body: SignInLinkRequest, query: TransportQuery) -> object:
    """Sign in with the link from the email.

    The link works once. Call this when the user presses a button, not when the page opens: mail scanners open links
    and run scripts. In another browser or app than the one that asked, the response is 403 `requested_elsewhere`
    unless `other_device` is true.
    """
    reject_cross_site(query)
    tokens = auth.email_sign_in.by_link(body.token, body.attempt, client_info(), other_device=body.other_device)
    return token_response(tokens, query.transport)


@blueprint.post("/code")
@endpoint(
    takes=SignInCodeRequest,
    query=TransportQuery,
    gives=Tokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(CodeInvalid, *SIGN_IN_ERRORS),
)
def sign_in_with_email_code(body: SignInCodeRequest, query: TransportQuery) -> object:
    """Sign in with the code from the email.

    Only the client that asked for the email can use its code, within ten minutes and five attempts.
    """
    reject_cross_site(query)
    return token_response(auth.email_sign_in.by_code(body.attempt, body.code, client_info()), query.transport)
