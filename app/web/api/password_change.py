"""/api/v1/account/password: changing the password."""

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.core.errors import RateLimited
from app.current import auth
from app.domain.accounts.hash_slots import HashSlotsFull
from app.domain.accounts.passwords import PASSWORD_ERRORS
from app.flows.steps.check_password import WrongPassword
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, SignedIn
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.schemas import Password, PasswordToSet, RequestBody

blueprint = Blueprint("password_change", __name__, url_prefix="/api/v1/account")


class ChangePasswordRequest(RequestBody):
    """The new password, and the current one unless the session is recently authenticated."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"current_password": "correct horse battery", "password": "a new horse battery"}]
        }
    )

    current_password: Password | None = Field(None, description="Optional after recent authentication")
    password: PasswordToSet


@blueprint.put("/password")
@endpoint(
    takes=ChangePasswordRequest,
    who=SignedIn(),
    status=204,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(*PASSWORD_ERRORS, WrongPassword, *REAUTHENTICATION_ERRORS, HashSlotsFull, RateLimited),
)
def change_password(identity: Identity, body: ChangePasswordRequest) -> None:
    """Change the password.

    Ends all other sessions of the account and notifies the owner by email.
    """
    auth.password_change.change(identity, body.current_password, body.password, client_info())
