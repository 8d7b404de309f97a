"""/api/v1: a forgotten password, from the request to the new one."""

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
    """Whose password is forgotten."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ann@example.com"}]})

    email: Email


class ResetPasswordRequest(RequestBody):
    """The token from the email's link, or the address and the code from the same email; and the password to set."""

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
            raise coded_error("choose_one", "Give either reset_token, or email and code.")
        return self


@blueprint.post("/forgot-password")
@endpoint(
    takes=ForgotPasswordRequest, gives=MessageResponse, errors=(InvalidEmail, RateLimited), limit=Limit("20 per minute")
)
def forgot_password(body: ForgotPasswordRequest) -> MessageResponse:
    """Have an email with a reset link sent.

    The answer is the same, and takes as long, whether or not there is such an account.
    """
    auth.password_reset.request(body.email, client_info())
    return MessageResponse(
        message="If there is an account with this address, an email with a link is on its way to it."
    )


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
    """Set a new password with the token or the code from the email.

    Ends every session of the account and signs nobody in. A link works once.
    """
    if body.reset_token is not None:
        device_token = auth.password_reset.complete(body.reset_token, body.password, client_info())
    else:
        device_token = auth.password_reset.complete_with_code(
            str(body.email), str(body.code), body.password, client_info()
        )
    device_cookie.set_cookie(device_token)
    return MessageResponse(
        message="The password is changed, and every device was signed out. Sign in with the new one."
    )
