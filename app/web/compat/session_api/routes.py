"""The routes of the session authentication API."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, cast
from uuid import UUID

from flask import Blueprint, Response, abort, current_app, request
from pydantic import ConfigDict, Field, PlainSerializer, RootModel
from pydantic.config import JsonDict
from werkzeug.local import LocalProxy

from app.current import auth, settings
from app.domain.accounts.administrators import LastAdmin
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import EmailTaken
from app.flows.steps.check_password import InvalidCredentials
from app.flows.steps.require_second_factor import SecondFactorRequired
from app.web.client_info import client_info
from app.web.compat.contract import (
    PREFIX,
    SESSION_API,
    Address,
    CompatError,
    LenientBody,
    compat_endpoint,
    compat_error,
    set_cookie,
)
from app.web.compat.session_api.auth import Auth
from app.web.compat.session_api.session_auth import SessionAuth
from app.web.compat.session_api.user import User
from app.web.guards import Anyone, Errors
from app.web.schemas import Name, Password, ResponseBody

SCHEME: Final = "compatCredential"
EXCLUDED: Final = ("/status", "/unauthorized", "/forbidden", "/auth_session/login")
EXAMPLE: JsonDict = {"email": "bobsession@hbtn.io", "password": "fake pwd"}
Moment = Annotated[
    datetime,
    PlainSerializer(lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}", return_type=str),
    Field(examples=["2017-10-16 04:23:04"]),
]
Decorator = Callable[[Callable[..., object]], Callable[..., Response]]

blueprint = Blueprint(SESSION_API, __name__, url_prefix=PREFIX)
sessions = Blueprint("auth_session", __name__, url_prefix=PREFIX)  # registered only for session authentication
guard = cast(SessionAuth, LocalProxy(lambda: current_app.extensions["compat"]))


class CompatLoginRequest(LenientBody):
    """Email address and password."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    email: Address
    password: Password


class UpdateUserRequest(LenientBody):
    """Names to change. Members that are left out keep their value; null removes it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"first_name": "Bob", "last_name": "Dylan"}]})

    first_name: Name | None = None
    last_name: Name | None = None


class CreateUserRequest(UpdateUserRequest):
    """The user to create. The password may have any length."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE | {"first_name": "Bob"}]})

    email: Address
    password: Password


class StatusResponse(ResponseBody):
    """The service is running."""

    status: str = "OK"


class CompatUser(ResponseBody):
    """A user."""

    created_at: Moment
    email: str
    first_name: str | None
    id: str
    last_name: str | None
    updated_at: Moment


class CompatUserList(RootModel[list[CompatUser]], ResponseBody):
    """Users, oldest first."""


class EmptyObject(ResponseBody):
    """An empty object."""


@dataclass(frozen=True)
class HasCredential:
    """A caller with a valid credential: 401 without a credential, 403 with an invalid one."""

    scheme: str | None = SCHEME
    gives: str | None = None
    errors: Errors = ()

    def admit(self) -> User:
        """The user of the credential."""
        if guard.authorization_header(request) is None and guard.session_cookie(request) is None:
            abort(401)
        return guard.current_user(request) or abort(403)


def route(method: str, path: str, *error_statuses: int, on: Blueprint = blueprint, **terms: Any) -> Decorator:
    """Register a handler. It needs a credential unless its path is in EXCLUDED."""
    guarded = Auth().require_auth(path, EXCLUDED)
    statuses = (*error_statuses, 401, 403) if guarded else error_statuses
    contract = compat_endpoint(*statuses, **{"who": HasCredential() if guarded else Anyone()} | terms)
    return lambda handler: on.route(path, methods=[method])(contract(handler))


@route("GET", "/status", gives=StatusResponse, needs_database=False)
def get_status() -> object:
    """Get the status."""
    return StatusResponse()


@route("GET", "/unauthorized", 401, status=401, gives=CompatError, needs_database=False)
def get_unauthorized_error() -> object:
    """Get a 401 response."""
    abort(401)


@route("GET", "/forbidden", 403, status=403, gives=CompatError, needs_database=False)
def get_forbidden_error() -> object:
    """Get a 403 response."""
    abort(403)


@route("GET", "/users", gives=CompatUserList)
def list_compat_users() -> object:
    """List users."""
    return auth.compat.all()


@route("POST", "/users", takes=CreateUserRequest, gives=CompatUser, status=201)
def create_compat_user(body: CreateUserRequest) -> object:
    """Create a user."""
    try:
        account = auth.compat.create(body.email, auth.compat.hash(body.password), client_info())
    except EmailTaken as error:
        return compat_error(400, error=f"Can't create User: {error}")
    return auth.profile.update(account, body.model_dump(include={"first_name", "last_name"}, exclude_unset=True))


@route("GET", "/users/me", who=HasCredential(gives="user"), gives=CompatUser)
def get_current_compat_user(user: User) -> object:
    """Get the current user."""
    return user


@route("GET", "/users/<uuid:user_id>", 404, gives=CompatUser)
def get_compat_user(user_id: UUID) -> object:
    """Get a user."""
    return _user(user_id)


@route("PUT", "/users/<uuid:user_id>", 404, takes=UpdateUserRequest, gives=CompatUser)
def update_compat_user(user_id: UUID, body: UpdateUserRequest) -> object:
    """Change a user's names."""
    return auth.profile.update(_user(user_id), body.model_dump(exclude_unset=True))


@route("DELETE", "/users/<uuid:user_id>", 404, gives=EmptyObject)
def delete_compat_user(user_id: UUID) -> object:
    """Delete a user.

    All data of the user is deleted immediately. The last administrator cannot be deleted.
    """
    try:
        auth.compat.purge(_user(user_id))
    except LastAdmin:
        abort(403)
    return EmptyObject()


@route("POST", "/auth_session/login", 401, 403, 404, on=sessions, takes=CompatLoginRequest, form=True, gives=CompatUser)
def create_compat_session(body: CompatLoginRequest) -> object:
    """Log in.

    The response sets the cookie SESSION_NAME.
    """
    if auth.compat.by_email(body.email) is None:
        return compat_error(404, error="no user found for this email")
    session_id = None
    with suppress(InvalidCredentials, SecondFactorRequired):
        account = auth.sign_in.authenticate_request(body.email, body.password, client_info()).owner
        session_id = guard.open_session(account)
    if session_id is None:
        return compat_error(401, error="wrong password")
    answer = Response(CompatUser.model_validate(account).model_dump_json(), mimetype="application/json")
    return set_cookie(answer, settings.session_name, session_id)


@route("DELETE", "/auth_session/logout", 404, on=sessions, gives=EmptyObject)
def delete_compat_session() -> object:
    """Log out.

    Ends the session of the cookie.
    """
    return EmptyObject() if guard.destroy_session(request) else abort(404)


def _user(user_id: UUID) -> AccountSnapshot:
    return auth.compat.by_id(str(user_id)) or abort(404)
