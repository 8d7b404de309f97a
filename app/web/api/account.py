"""/api/v1/account: the account of whoever is signed in."""

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
from app.flows.sessions import Identity
from app.flows.steps.check_password import WrongPassword
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import SignedIn
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.schemas import Locale, Name, Password, RequestBody, ResponseBody

blueprint = Blueprint("account", __name__, url_prefix="/api/v1")

NULLABLE: JsonDict = {"type": ["string", "null"]}


class Account(ResponseBody):
    """An account as its owner sees it."""

    id: str = Field(examples=["6f1c0a52-3c1e-4b7e-9d6a-0c2f6f0e7b11"])
    email: str = Field(examples=["ann@example.com"])
    email_verified: bool
    first_name: str | None = Field(examples=["Ann"])
    last_name: str | None = Field(examples=["Lee"])
    locale: str | None = Field(examples=["en"])
    roles: list[str]
    created_at: datetime
    updated_at: datetime


class UpdateAccountRequest(RequestBody):
    """What to change; members left out stay, null empties."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"first_name": "Ann", "last_name": "Lee", "locale": "en"}]}
    )

    first_name: Name | None = Field(None, json_schema_extra=NULLABLE)
    last_name: Name | None = Field(None, json_schema_extra=NULLABLE)
    locale: Locale | None = Field(None, description="Language of emails, as a BCP 47 tag", json_schema_extra=NULLABLE)


@blueprint.get("/account")
@endpoint(gives=Account, who=SignedIn())
def get_account(identity: Identity) -> object:
    """Who am I."""
    return identity.owner


class DeleteAccountRequest(RequestBody):
    """The password, however fresh the session: this cannot be undone for ever."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "correct horse battery"}]})

    password: Password


class AccountExport(ResponseBody):
    """Everything that is kept about the account."""

    model_config = ConfigDict(extra="allow")

    exported_at: datetime
    account: dict[str, Any]


@blueprint.delete("/account")
@endpoint(
    takes=DeleteAccountRequest,
    who=SignedIn(),
    status=204,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(WrongPassword, PasswordTooLong, HashSlotsFull, RateLimited, LastAdmin),
)
def delete_account(identity: Identity, body: DeleteAccountRequest) -> None:
    """Delete the account.

    Every session ends now. The account is gone after some days (DELETION_GRACE_DAYS); signing in before keeps it.
    The last administrator cannot leave.
    """
    auth.account_deletion.request(identity, body.password, client_info())


@blueprint.get("/account/export")
@endpoint(gives=AccountExport, who=SignedIn())
def export_account(identity: Identity) -> object:
    """Everything that is kept about me."""
    return auth.export.of(identity.owner)


@blueprint.patch("/account")
@endpoint(takes=UpdateAccountRequest, gives=Account, who=SignedIn())
def update_account(identity: Identity, body: UpdateAccountRequest) -> object:
    """Change names or language."""
    return auth.profile.update(identity.owner, body.model_dump(exclude_unset=True))
