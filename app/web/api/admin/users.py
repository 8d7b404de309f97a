"""/api/v1/admin/users: managing accounts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.core.errors import RateLimited, SearchTooBroad
from app.core.pagination import InvalidCursor
from app.current import auth
from app.domain.accounts.administrators import LastAdmin
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.roles import InvalidRoles
from app.domain.accounts.search import AccountQuery
from app.domain.accounts.store import AccountDisabled, EmailTaken, NoSuchAccount
from app.flows.steps.identity import Identity
from app.flows.steps.require_open_sign_up import InvitationsClosed
from app.web.api.account import NULLABLE
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, Administrator
from app.web.limits import Limit
from app.web.schemas import Claims, Email, Locale, Name, PageQuery, Permissions, RequestBody, ResponseBody, SearchText

blueprint = Blueprint("admin_users", __name__, url_prefix="/api/v1/admin/users")

State = Literal["active", "disabled", "deleting"]
Roles = Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=10)]


class User(ResponseBody):
    """An account as administrators see it."""

    id: str = Field(examples=["6f1c0a52-3c1e-4b7e-9d6a-0c2f6f0e7b11"])
    email: str = Field(examples=["ann@example.com"])
    email_verified: bool
    first_name: str | None
    last_name: str | None
    locale: str | None
    roles: list[str]
    permissions: Permissions
    claims: Claims
    state: State
    has_password: bool = Field(description="False until the owner sets a password by the link in an email")
    has_second_factor: bool
    invited_at: datetime | None = Field(description="Null unless the account has an open invitation")
    disabled_at: datetime | None
    deletes_at: datetime | None = Field(description="Scheduled deletion; signing in before then cancels it")
    created_at: datetime
    updated_at: datetime


class UserPage(ResponseBody):
    """A page of accounts, newest first. `next` is the cursor of the next page, null on the last one."""

    users: list[User]
    next: str | None


class UserQuery(PageQuery):
    """Filters of the account list."""

    search: SearchText | None = Field(None, description="An id, an email address, or a part of an address or name")
    state: State | None = None


class InviteUserRequest(RequestBody):
    """The account to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "email": "eve@example.com",
                    "first_name": "Eve",
                    "last_name": "Moss",
                    "locale": "en",
                    "roles": ["editor"],
                }
            ]
        }
    )

    email: Email
    first_name: Name | None = None
    last_name: Name | None = None
    locale: Locale | None = Field(None, description="Language of emails (BCP 47)")
    roles: Roles = Field(default_factory=list)


class CorrectUserRequest(RequestBody):
    """Members to change. Members that are left out keep their value; null removes a name or the locale."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "eve@example.com", "email_verified": True}]})

    # Not `| None`: null is rejected, because only leaving them out means that they stay.
    email: Email = None  # type: ignore[assignment]
    email_verified: bool = None  # type: ignore[assignment]
    first_name: Name | None = Field(None, json_schema_extra=NULLABLE)
    last_name: Name | None = Field(None, json_schema_extra=NULLABLE)
    locale: Locale | None = Field(None, description="Language of emails (BCP 47)", json_schema_extra=NULLABLE)


class SetRolesRequest(RequestBody):
    """All roles of the account; others are removed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"roles": ["admin", "editor"]}]})

    roles: Roles


@blueprint.get("")
@endpoint(query=UserQuery, gives=UserPage, who=Administrator(), errors=(InvalidCursor, SearchTooBroad))
def list_users(identity: Identity, query: UserQuery) -> object:
    """List accounts.

    Newest first. To read all of them, follow `next` until it is null. Accounts created or deleted meanwhile do not
    shift the pages.
    """
    page = auth.admin_accounts.page(AccountQuery(query.search, query.state, query.after, query.limit))
    return {"users": page.items, "next": page.next}


@blueprint.post("")
@endpoint(
    takes=InviteUserRequest,
    gives=User,
    status=201,
    who=Administrator(),
    limit=Limit("admin_emails"),
    errors=(*REAUTHENTICATION_ERRORS, EmailTaken, InvalidEmail, InvalidRoles, InvitationsClosed, RateLimited),
)
def invite_user(identity: Identity, body: InviteUserRequest) -> object:
    """Invite a user.

    Creates an account without a password and sends an email with a link, by which the owner sets a password or adds a
    passkey. With SIGN_UP=closed the response is 409.
    """
    return auth.admin_accounts.invite(identity, **body.model_dump())


@blueprint.get("/<uuid:user_id>")
@endpoint(gives=User, who=Administrator(), errors=(NoSuchAccount,))
def get_user(identity: Identity, user_id: UUID) -> object:
    """Get an account.

    With its state, roles and claims.
    """
    return auth.admin_accounts.find(str(user_id))


@blueprint.patch("/<uuid:user_id>")
@endpoint(
    takes=CorrectUserRequest,
    gives=User,
    who=Administrator(),
    limit=Limit("admin_emails"),
    errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount, EmailTaken, InvalidEmail, RateLimited),
)
def correct_user(identity: Identity, user_id: UUID, body: CorrectUserRequest) -> object:
    """Correct the email address, name or language of an account.

    A new address ends all sessions and gets a verification email, unless `email_verified` is true. The old address,
    if it was verified, gets an email with a link that undoes the change, as if the owner had changed it.
    """
    return auth.account_correction.correct(identity, str(user_id), **body.model_dump(exclude_unset=True))


@blueprint.delete("/<uuid:user_id>")
@endpoint(who=Administrator(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount, LastAdmin))
def delete_user(identity: Identity, user_id: UUID) -> None:
    """Schedule the deletion of an account.

    All sessions end immediately. The account is deleted after DELETION_GRACE_DAYS, unless the owner signs in before
    then. To prevent that, disable the account as well.
    """
    auth.admin_accounts.delete(identity, str(user_id))


@blueprint.post("/<uuid:user_id>/disable")
@endpoint(who=Administrator(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount, LastAdmin))
def disable_user(identity: Identity, user_id: UUID) -> None:
    """Disable an account.

    Ends all sessions immediately; the owner cannot sign in until the account is enabled.
    """
    auth.admin_accounts.disable(identity, str(user_id))


@blueprint.post("/<uuid:user_id>/enable")
@endpoint(who=Administrator(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount))
def enable_user(identity: Identity, user_id: UUID) -> None:
    """Enable an account.

    The owner can sign in again. Sessions that have ended stay ended.
    """
    auth.admin_accounts.enable(identity, str(user_id))


@blueprint.put("/<uuid:user_id>/roles")
@endpoint(
    takes=SetRolesRequest,
    who=Administrator(),
    status=204,
    errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount, InvalidRoles, LastAdmin),
)
def set_user_roles(identity: Identity, user_id: UUID, body: SetRolesRequest) -> None:
    """Set the roles of an account.

    Takes effect here immediately. Services that read roles from access tokens see the change in the next access token.
    """
    auth.admin_accounts.set_roles(identity, str(user_id), body.roles)


@blueprint.post("/<uuid:user_id>/reset")
@endpoint(
    who=Administrator(),
    status=204,
    limit=Limit("admin_emails"),
    errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount, AccountDisabled, RateLimited),
)
def reset_user_password(identity: Identity, user_id: UUID) -> None:
    """Send a password reset email to the owner.

    The old password works until the owner has chosen a new one.
    """
    auth.admin_accounts.start_reset(identity, str(user_id))


@blueprint.delete("/<uuid:user_id>/factors")
@endpoint(who=Administrator(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount))
def remove_user_factors(identity: Identity, user_id: UUID) -> None:
    """Remove all second factors and passkeys of an account.

    For an owner who has lost them. Check first who asks: it makes the password enough to sign in. All sessions end, and
    the owner gets an email.
    """
    auth.factors.remove_all_of(identity, str(user_id))
