"""/api/v1: confirming an email address, changing it, and undoing the change."""

from flask import Blueprint
from pydantic import ConfigDict, Field, model_validator

from app.core.errors import RateLimited
from app.current import auth
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.hash_slots import HashSlotsFull
from app.domain.accounts.passwords import PasswordTooLong
from app.domain.accounts.store import EmailTaken
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkExpired, LinkInvalid, LinkUsed
from app.flows.steps.check_password import WrongPassword
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.errors import InvalidBody
from app.web.guards import REAUTHENTICATION_ERRORS, MaybeSignedIn, SignedIn
from app.web.input_errors import coded_error, input_error
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import Code, Email, LinkToken, MessageResponse, Password, RequestBody

blueprint = Blueprint("email", __name__, url_prefix="/api/v1")

EMAIL_SENT = "If this address is waiting to be confirmed, an email has been sent to it."


class VerifyEmailRequest(RequestBody):
    """Either the token from the link in the email, or the email address and the code."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "paste-it-from-the-email"}]})

    token: LinkToken | None = None
    email: Email | None = None
    code: Code | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "VerifyEmailRequest":
        if (self.token is None) == (self.email is None or self.code is None):
            raise coded_error("choose_one", "Send either `token`, or `email` and `code`.")
        return self


class ResendVerificationRequest(RequestBody):
    """The address to confirm. It may be left out by a caller that is signed in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ann@example.com"}]})

    email: Email | None = None


class ChangeEmailRequest(RequestBody):
    """The new address, and the current password unless the session is recently authenticated."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ann@example.org", "password": "correct horse battery"}]}
    )

    email: Email
    password: Password | None = Field(None, description="Current password. Optional after recent authentication")


class LinkTokenRequest(RequestBody):
    """The token from the link in the email."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "paste-it-from-the-email"}]})

    token: LinkToken


class CodeRequest(RequestBody):
    """The code from the email to the new address."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "WDJB-MJHT"}]})

    code: Code


@blueprint.post("/verify-email")
@endpoint(
    takes=VerifyEmailRequest,
    gives=MessageResponse,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(LinkInvalid, LinkExpired, LinkUsed, CodeInvalid, InvalidEmail, RateLimited),
)
def verify_email(body: VerifyEmailRequest) -> MessageResponse:
    """Confirm the email address.

    Takes the token or the code from the email. The first confirmation by link ends all sessions that were opened from
    another IP address or with another user agent, because someone else may have created the account.
    """
    if body.token is not None:
        auth.email_verification.confirm(body.token, client_info())
    else:
        auth.email_verification.confirm_with_code(str(body.email), str(body.code), client_info())
    return MessageResponse(message="The email address is confirmed.")


@blueprint.post("/verify-email/claim")
@endpoint(
    takes=LinkTokenRequest,
    gives=MessageResponse,
    limit=Limit("links"),
    errors=(LinkInvalid, LinkExpired, LinkUsed, RateLimited),
)
def claim_account(body: LinkTokenRequest) -> MessageResponse:
    """Take over an account created by someone else with your address.

    Takes the token from the confirmation email. Ends all sessions, invalidates the password, confirms the address and
    sends an email to set a new password.
    """
    auth.email_verification.claim(body.token, client_info())
    return MessageResponse(message="The account is yours. An email to set a new password has been sent.")


@blueprint.post("/verify-email/resend")
@endpoint(
    takes=ResendVerificationRequest,
    gives=MessageResponse,
    status=202,
    who=MaybeSignedIn(),
    limit=Limit("verify_emails"),
    errors=(InvalidEmail, RateLimited),
)
def resend_verification(identity: Identity | None, body: ResendVerificationRequest) -> MessageResponse:
    """Send the confirmation email again.

    With a session it goes to the account's address; without one, `email` is required. The response does not tell
    whether the account exists.
    """
    email = identity.owner.email if identity else body.email
    if email is None:
        raise InvalidBody([input_error("email", "missing", "Required unless you are signed in.")])
    auth.email_verification.resend(email, client_info())
    return MessageResponse(message=EMAIL_SENT)


@blueprint.put("/account/email")
@endpoint(
    takes=ChangeEmailRequest,
    gives=MessageResponse,
    status=202,
    who=SignedIn(),
    limit=CREDENTIAL_ATTEMPTS,
    errors=(InvalidEmail, *REAUTHENTICATION_ERRORS, WrongPassword, PasswordTooLong, HashSlotsFull, RateLimited),
)
def change_email(identity: Identity, body: ChangeEmailRequest) -> MessageResponse:
    """Change the email address.

    Sends an email with a link and a code to the new address. The change takes effect when the new address is confirmed.
    The old address is notified and can undo the change for 72 hours.
    """
    auth.email_change.request(identity, body.email, body.password, client_info())
    return MessageResponse(
        message="An email with a link has been sent to the new address. Until it is confirmed, the old address stays."
    )


@blueprint.post("/account/email/confirm")
@endpoint(
    takes=LinkTokenRequest,
    gives=MessageResponse,
    limit=Limit("links"),
    errors=(LinkInvalid, LinkExpired, LinkUsed, EmailTaken, RateLimited),
)
def confirm_email_change(body: LinkTokenRequest) -> MessageResponse:
    """Confirm the new email address by link.

    Takes the token from the email to the new address. From now on the account has that address.
    """
    auth.email_change.confirm(body.token, client_info())
    return MessageResponse(message="The email address has been changed.")


@blueprint.post("/account/email/confirm-code")
@endpoint(
    takes=CodeRequest,
    gives=MessageResponse,
    who=SignedIn(),
    limit=CREDENTIAL_ATTEMPTS,
    errors=(CodeInvalid, EmailTaken, RateLimited),
)
def confirm_email_change_with_code(identity: Identity, body: CodeRequest) -> MessageResponse:
    """Confirm the new email address by code.

    Works only in the session that requested the change.
    """
    auth.email_change.confirm_with_code(identity, body.code, client_info())
    return MessageResponse(message="The email address has been changed.")


@blueprint.post("/account/email/undo")
@endpoint(
    takes=LinkTokenRequest,
    gives=MessageResponse,
    limit=Limit("links"),
    errors=(LinkInvalid, LinkExpired, LinkUsed, EmailTaken, RateLimited),
)
def undo_email_change(body: LinkTokenRequest) -> MessageResponse:
    """Undo a change of the email address.

    Takes the token from the email to the old address. Ends all sessions and sends an email to set a new password to the
    old address.
    """
    auth.email_change.undo(body.token, client_info())
    return MessageResponse(message="The old email address is restored, and all devices were signed out.")


@blueprint.post("/not-me")
@endpoint(
    takes=LinkTokenRequest,
    gives=MessageResponse,
    limit=Limit("links"),
    errors=(LinkInvalid, LinkExpired, LinkUsed, RateLimited),
)
def secure_account(body: LinkTokenRequest) -> MessageResponse:
    """Secure the account after an action by someone else.

    Takes the token from a security email. Ends all sessions, cancels pending changes and sends an email to set a new
    password.
    """
    auth.account_recovery.secure(body.token, client_info())
    return MessageResponse(message="All devices were signed out. An email to set a new password has been sent.")
