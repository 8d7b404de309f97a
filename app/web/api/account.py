"""/api/v1/account: the account of the caller."""

from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.core.errors import RateLimited
from app.current import auth
from app.domain.accounts.administrators import LastAdmin
from app.domain.accounts.hash_slots import HashSlotsFull
from app.domain.accounts.passwords import PasswordTooLong
from app.flows.steps.check_password import WrongPassword
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, SignedIn
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.schemas import Claims, Locale, Name, Password, Permissions, RequestBody, ResponseBody

blueprint = Blueprint("account", __name__, url_prefix="/api/v1")

NULLABLE: JsonDict = {"type": ["string", "null"]}


class Account(ResponseBody):
    """The account of the caller."""

    id: str = Field(examples=["6f1c0a52-3c1e-4b7e-9d6a-0c2f6f0e7b11"])
    email: str = Field(examples=["ann@example.com"])
    email_verified: bool
    first_name: str | None = Field(examples=["Ann"])
    last_name: str | None = Field(examples=["Lee"])
    locale: str | None = Field(examples=["en"])
    roles: list[str]
    permissions: Permissions
    claims: Claims
    has_password: bool = Field(description="False until a password is set, for example by an emailed link")
    has_second_factor: bool = Field(description="Whether sign-in asks for a second factor")
    created_at: datetime
    updated_at: datetime


class UpdateAccountRequest(RequestBody):
    """Members to change. Members that are left out keep their value; null removes it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"first_name": "Ann", "last_name": "Lee", "locale": "en"}]}
    )

    first_name: Name | None = Field(None, json_schema_extra=NULLABLE)
    last_name: Name | None = Field(None, json_schema_extra=NULLABLE)
    locale: Locale | None = Field(None, description="Language of emails (BCP 47)", json_schema_extra=NULLABLE)


@blueprint.get("/account")
@endpoint(gives=Account, who=SignedIn())
def get_account(identity: Identity) -> object:
    """Get the current account.

    Names, address, roles, and which credentials it has.
    """
    return identity.owner


class DeleteAccountRequest(RequestBody):
    """The current password, unless the session is recently authenticated."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "correct horse battery"}]})

    password: Password | None = Field(None, description="Current password. Optional after recent authentication")


class AccountExport(ResponseBody):
    """All stored data about the account."""

    model_config = ConfigDict(extra="allow")

    exported_at: datetime
    account: dict[str, Any]


@blueprint.delete("/account")
@endpoint(
    takes=DeleteAccountRequest,
    who=SignedIn(),
    status=204,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(*REAUTHENTICATION_ERRORS, WrongPassword, PasswordTooLong, HashSlotsFull, RateLimited, LastAdmin),
)
def delete_account(identity: Identity, body: DeleteAccountRequest) -> None:
    """Schedule the deletion of the account.

    All sessions end immediately. The account is deleted after a grace period (DELETION_GRACE_DAYS). Signing in before
    then cancels the deletion. The last administrator cannot be deleted.
    """
    auth.account_deletion.request(identity, body.password, client_info())


@blueprint.get("/account/export")
@endpoint(gives=AccountExport, who=SignedIn())
def export_account(identity: Identity) -> object:
    """Export all data of the account.

    Everything that is stored about the account: profile, sessions, events, emails, factors, passkeys, identities.
    """
    return auth.export.of(identity.owner)


@blueprint.patch("/account")
@endpoint(takes=UpdateAccountRequest, gives=Account, who=SignedIn())
def update_account(identity: Identity, body: UpdateAccountRequest) -> object:
    """Change name or language.

    Send only the members to change; null removes a name or the language.
    """
    return auth.profile.update(identity.owner, body.model_dump(exclude_unset=True))
