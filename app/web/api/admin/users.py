"""/api/v1/admin/users: other people's accounts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.core.errors import RateLimited
from app.core.pagination import InvalidCursor
from app.current import auth
from app.domain.accounts.administrators import LastAdmin
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.roles import InvalidRoles
from app.domain.accounts.search import AccountQuery
from app.domain.accounts.store import EmailTaken, NoSuchAccount
from app.flows.admin_accounts import AccountDisabled
from app.flows.sessions import Identity
from app.flows.steps.check_password import ReauthenticationRequired
from app.web.endpoint import endpoint
from app.web.guards import Administrator
from app.web.limits import Limit
from app.web.schemas import Email, Locale, Name, PageQuery, RequestBody, ResponseBody, SearchText

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
    state: State
    has_password: bool = Field(description="False until its owner has chosen one by the link in an email")
    disabled_at: datetime | None
    deletes_at: datetime | None = Field(description="When it will be gone, unless its owner signs in before")
    created_at: datetime
    updated_at: datetime


class UserPage(ResponseBody):
    """Some accounts, the newest first; `next` is the cursor of the rest, null at the end."""

    users: list[User]
    next: str | None


class UserQuery(PageQuery):
    """Which accounts."""

    search: SearchText | None = Field(None, description="A part of address or name, taken literally")
    state: State | None = None


class InviteUserRequest(RequestBody):
    """For whom to open an account."""

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
    locale: Locale | None = Field(None, description="Language of emails, as a BCP 47 tag")
    roles: Roles = Field(default_factory=list)


class SetRolesRequest(RequestBody):
    """All the roles that the account is to have."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"roles": ["admin", "editor"]}]})

    roles: Roles


@blueprint.get("")
@endpoint(query=UserQuery, gives=UserPage, who=Administrator(), errors=(InvalidCursor,))
def list_users(identity: Identity, query: UserQuery) -> object:
    """Accounts, the newest first.

    Pages stay in step while accounts come and go: follow `next` until it is null.
    """
    page = auth.admin_accounts.page(AccountQuery(query.search, query.state, query.after, query.limit))
    return {"users": page.items, "next": page.next}


@blueprint.post("")
@endpoint(
    takes=InviteUserRequest,
    gives=User,
    status=201,
    who=Administrator(),
    limit=Limit("60 per minute"),
    errors=(ReauthenticationRequired, EmailTaken, InvalidEmail, InvalidRoles, RateLimited),
)
def invite_user(identity: Identity, body: InviteUserRequest) -> object:
    """Open an account for somebody.

    An email goes there, by which they choose a password. Nobody else does, and until then nobody can sign in.
    """
    return auth.admin_accounts.invite(identity, **body.model_dump())


@blueprint.get("/<uuid:user_id>")
@endpoint(gives=User, who=Administrator(), errors=(NoSuchAccount,))
def get_user(identity: Identity, user_id: UUID) -> object:
    """One account."""
    return auth.admin_accounts.find(str(user_id))


@blueprint.delete("/<uuid:user_id>")
@endpoint(who=Administrator(), status=204, errors=(ReauthenticationRequired, NoSuchAccount, LastAdmin))
def delete_user(identity: Identity, user_id: UUID) -> None:
    """Delete an account.

    As if its owner did: signed out now, gone after DELETION_GRACE_DAYS, unless they sign in before. Disable it as well
    to prevent that.
    """
    auth.admin_accounts.delete(identity, str(user_id))


@blueprint.post("/<uuid:user_id>/disable")
@endpoint(who=Administrator(), status=204, errors=(ReauthenticationRequired, NoSuchAccount, LastAdmin))
def disable_user(identity: Identity, user_id: UUID) -> None:
    """Keep its owner out: every session ends now, and no new one begins."""
    auth.admin_accounts.disable(identity, str(user_id))


@blueprint.post("/<uuid:user_id>/enable")
@endpoint(who=Administrator(), status=204, errors=(ReauthenticationRequired, NoSuchAccount))
def enable_user(identity: Identity, user_id: UUID) -> None:
    """Let its owner in again."""
    auth.admin_accounts.enable(identity, str(user_id))


@blueprint.put("/<uuid:user_id>/roles")
@endpoint(
    takes=SetRolesRequest,
    who=Administrator(),
    status=204,
    errors=(ReauthenticationRequired, NoSuchAccount, InvalidRoles, LastAdmin),
)
def set_user_roles(identity: Identity, user_id: UUID, body: SetRolesRequest) -> None:
    """Say what the account may do.

    Here it holds at once; services that read roles from tokens see it in the next one.
    """
    auth.admin_accounts.set_roles(identity, str(user_id), body.roles)


@blueprint.post("/<uuid:user_id>/reset")
@endpoint(
    who=Administrator(),
    status=204,
    limit=Limit("60 per minute"),
    errors=(ReauthenticationRequired, NoSuchAccount, AccountDisabled, RateLimited),
)
def reset_user_password(identity: Identity, user_id: UUID) -> None:
    """Have an email sent by which its owner chooses a new password."""
    auth.admin_accounts.start_reset(identity, str(user_id))
