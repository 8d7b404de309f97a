"""/api/v1: resetting a forgotten password."""

from collections.abc import Mapping
from typing import ClassVar

from flask import Blueprint
from pydantic import ConfigDict, model_validator

from app.core.errors import RateLimited
from app.current import auth
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.hash_slots import HashSlotsFull
from app.domain.accounts.passwords import PASSWORD_ERRORS
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkExpired, LinkInvalid, LinkUsed
from app.web import device_cookie
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.input_errors import coded_error
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import Code, Email, LinkToken, MessageResponse, PasswordToSet, RequestBody

blueprint = Blueprint("password_reset", __name__, url_prefix="/api/v1")


class ForgotPasswordRequest(RequestBody):
    """The email address of the account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ann@example.com"}]})

    email: Email


class ResetPasswordRequest(RequestBody):
    """The new password, with either the token from the link in the email, or the email address and the code."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reset_token": "paste-it-from-the-email", "password": "a new horse battery"}]}
    )

    called: ClassVar[Mapping[str, str]] = {"token": "reset_token"}

    reset_token: LinkToken | None = None
    email: Email | None = None
    code: Code | None = None
    password: PasswordToSet

    @model_validator(mode="after")
    def _one_way(self) -> "ResetPasswordRequest":
        if (self.reset_token is None) == (self.email is None or self.code is None):
            raise coded_error("choose_one", "Send either `reset_token`, or `email` and `code`.")
        return self


@blueprint.post("/forgot-password")
@endpoint(
    takes=ForgotPasswordRequest, gives=MessageResponse, errors=(InvalidEmail, RateLimited), limit=Limit("reset_emails")
)
def forgot_password(body: ForgotPasswordRequest) -> MessageResponse:
    """Request a password reset email.

    The response is the same, and takes the same time, whether or not the account exists.
    """
    auth.password_reset.request(body.email, client_info())
    return MessageResponse(message="If there is an account with this address, an email has been sent to it.")


@blueprint.post("/reset-password")
@endpoint(
    takes=ResetPasswordRequest,
    gives=MessageResponse,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(
        LinkInvalid,
        LinkExpired,
        LinkUsed,
        CodeInvalid,
        InvalidEmail,
        *PASSWORD_ERRORS,
        HashSlotsFull,
        RateLimited,
    ),
)
def reset_password(body: ResetPasswordRequest) -> MessageResponse:
    """Reset the password.

    Takes the token or the code from the email; each works once. Ends all sessions of the account and does not open a
    new one.
    """
    if body.reset_token is not None:
        device_token = auth.password_reset.complete(body.reset_token, body.password, client_info())
    else:
        device_token = auth.password_reset.complete_with_code(
            str(body.email), str(body.code), body.password, client_info()
        )
    device_cookie.set_cookie(device_token)
    return MessageResponse(
        message="The password has been changed, and all devices were signed out. Sign in with the new password."
    )
