"""/api/v1: addresses, from the first confirmation to a change and back."""

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
from app.flows.sessions import Identity
from app.flows.steps.check_password import ReauthenticationRequired, WrongPassword
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.errors import InvalidBody
from app.web.guards import MaybeSignedIn, SignedIn
from app.web.input_errors import coded_error, input_error
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import Code, Email, LinkToken, MessageResponse, Password, RequestBody

blueprint = Blueprint("email", __name__, url_prefix="/api/v1")

ON_ITS_WAY = "If there is something to confirm, an email is on its way."


class VerifyEmailRequest(RequestBody):
    """The token from a link, or the address and the code from the same email."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "paste-it-from-the-email"}]})

    token: LinkToken | None = None
    email: Email | None = None
    code: Code | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "VerifyEmailRequest":
        if (self.token is None) == (self.email is None or self.code is None):
            raise coded_error("choose_one", "Give either token, or email and code.")
        return self


class ResendVerificationRequest(RequestBody):
    """Whose email to send again; may be left out by whoever is signed in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ann@example.com"}]})

    email: Email | None = None


class ChangeEmailRequest(RequestBody):
    """The address to move to, and the password unless it was given a moment ago."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ann@example.org", "password": "correct horse battery"}]}
    )

    email: Email
    password: Password | None = Field(None, description="May be left out within ten minutes of signing in")


class LinkTokenRequest(RequestBody):
    """The token from the link in an email."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "paste-it-from-the-email"}]})

    token: LinkToken


class CodeRequest(RequestBody):
    """The code from the email to the new address, for the session that asked."""

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
    """Confirm an address with the link or the code from the email.

    A link ends the sessions that were opened at another network address or with another user agent before the address
    was first confirmed: a stranger may have opened the account.
    """
    if body.token is not None:
        auth.email_verification.confirm(body.token, client_info())
    else:
        auth.email_verification.confirm_with_code(str(body.email), str(body.code), client_info())
    return MessageResponse(message="The address is confirmed.")


@blueprint.post("/verify-email/claim")
@endpoint(
    takes=LinkTokenRequest,
    gives=MessageResponse,
    limit=Limit("20 per minute"),
    errors=(LinkInvalid, LinkExpired, LinkUsed, RateLimited),
)
def claim_account(body: LinkTokenRequest) -> MessageResponse:
    """Say with the confirming link that you did not open the account, and take it over.

    Ends every session, makes the password that was chosen useless, confirms the address, and has an email for a new
    password sent to it.
    """
    auth.email_verification.claim(body.token, client_info())
    return MessageResponse(message="The account is yours. An email for a new password is on its way.")


@blueprint.post("/verify-email/resend")
@endpoint(
    takes=ResendVerificationRequest,
    gives=MessageResponse,
    status=202,
    who=MaybeSignedIn(),
    limit=Limit("10 per minute"),
    errors=(InvalidEmail, RateLimited),
)
def resend_verification(identity: Identity | None, body: ResendVerificationRequest) -> MessageResponse:
    """Have the confirming email sent again.

    Signed in it goes to the account's address; otherwise name one. The answer is always the same.
    """
    email = identity.owner.email if identity else body.email
    if email is None:
        raise InvalidBody([input_error("email", "missing", "This is required, unless you are signed in.")])
    auth.email_verification.resend(email, client_info())
    return MessageResponse(message=ON_ITS_WAY)


@blueprint.put("/account/email")
@endpoint(
    takes=ChangeEmailRequest,
    gives=MessageResponse,
    status=202,
    who=SignedIn(),
    limit=CREDENTIAL_ATTEMPTS,
    errors=(InvalidEmail, ReauthenticationRequired, WrongPassword, PasswordTooLong, HashSlotsFull, RateLimited),
)
def change_email(identity: Identity, body: ChangeEmailRequest) -> MessageResponse:
    """Ask for another address.

    It holds once confirmed from there. The old address is told, and can undo it for 72 hours.
    """
    auth.email_change.request(identity, body.email, body.password, client_info())
    return MessageResponse(
        message="An email with a link is on its way to the new address. Until then the old one stays."
    )


@blueprint.post("/account/email/confirm")
@endpoint(
    takes=LinkTokenRequest,
    gives=MessageResponse,
    limit=Limit("20 per minute"),
    errors=(LinkInvalid, LinkExpired, LinkUsed, EmailTaken, RateLimited),
)
def confirm_email_change(body: LinkTokenRequest) -> MessageResponse:
    """Confirm the new address with the link from the email."""
    auth.email_change.confirm(body.token, client_info())
    return MessageResponse(message="The new address is in use.")


@blueprint.post("/account/email/confirm-code")
@endpoint(
    takes=CodeRequest,
    gives=MessageResponse,
    who=SignedIn(),
    limit=CREDENTIAL_ATTEMPTS,
    errors=(CodeInvalid, EmailTaken, RateLimited),
)
def confirm_email_change_with_code(identity: Identity, body: CodeRequest) -> MessageResponse:
    """Confirm the new address with the code from the email, in the session that asked."""
    auth.email_change.confirm_with_code(identity, body.code, client_info())
    return MessageResponse(message="The new address is in use.")


@blueprint.post("/account/email/undo")
@endpoint(
    takes=LinkTokenRequest,
    gives=MessageResponse,
    limit=Limit("20 per minute"),
    errors=(LinkInvalid, LinkExpired, LinkUsed, EmailTaken, RateLimited),
)
def undo_email_change(body: LinkTokenRequest) -> MessageResponse:
    """Take a change of address back with the link from the email to the old one.

    Ends every session, and has an email for a new password sent to the old address.
    """
    auth.email_change.undo(body.token, client_info())
    return MessageResponse(message="The old address holds again, and every device was signed out.")


@blueprint.post("/not-me")
@endpoint(
    takes=LinkTokenRequest,
    gives=MessageResponse,
    limit=Limit("20 per minute"),
    errors=(LinkInvalid, LinkExpired, LinkUsed, RateLimited),
)
def secure_account(body: LinkTokenRequest) -> MessageResponse:
    """Raise the alarm with the link from a security email.

    Ends every session, cancels pending changes and has an email for a new password sent.
    """
    auth.account_recovery.secure(body.token, client_info())
    return MessageResponse(message="Every device was signed out. An email for a new password is on its way.")
