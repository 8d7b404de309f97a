"""The routes of the user authentication service. They use only `Auth`."""

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, abort, redirect, request, url_for
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.web.compat.contract import USER_SERVICE, Address, LenientBody, compat_endpoint, compat_error, set_cookie
from app.web.compat.user_service.auth import Auth
from app.web.compat.user_service.db import User
from app.web.guards import Errors
from app.web.schemas import LinkToken, Password, ResponseBody

COOKIE: Final = "session_id"
SCHEME: Final = "compatSessionId"
EXAMPLE: JsonDict = {"email": "bob@bob.com", "password": "mySuperPwd"}
AUTH: Final = Auth()

blueprint = Blueprint(USER_SERVICE, __name__)


class RegisterUserRequest(LenientBody):
    """Email address and password. The password may have any length."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    email: Address
    password: Password


class ResetTokenRequest(LenientBody):
    """The email address of the user."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": EXAMPLE["email"]}]})

    email: Address


class UpdatePasswordRequest(LenientBody):
    """A reset token and the new password. The address is only repeated in the response."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "bob@bob.com", "reset_token": "WyI…", "new_password": "t4rt1fl3tt3"}]}
    )

    email: Address
    reset_token: LinkToken
    new_password: Password


class WelcomeMessage(ResponseBody):
    """A welcome message."""

    message: str = Field(examples=["Bienvenue"])


class UserActionResult(ResponseBody):
    """The completed action and the user's email address."""

    email: str
    message: str = Field(examples=["logged in"])


class UserProfile(ResponseBody):
    """The user who is logged in."""

    email: str


class ResetTokenResponse(ResponseBody):
    """A token to set a new password once."""

    email: str
    reset_token: str


@dataclass(frozen=True)
class SignedInBySession:
    """A caller with the cookie of a live session; others get 403."""

    scheme: str | None = SCHEME
    gives: str | None = "user"
    errors: Errors = ()

    def admit(self) -> User:
        """The user of the session."""
        return AUTH.get_user_from_session_id(request.cookies.get(COOKIE)) or abort(403)


@blueprint.get("/")
@compat_endpoint(gives=WelcomeMessage, needs_database=False)
def get_welcome_message() -> object:
    """Get the welcome message."""
    return WelcomeMessage(message="Bienvenue")


@blueprint.post("/users")
@compat_endpoint(takes=RegisterUserRequest, form=True, gives=UserActionResult)
def register_user(body: RegisterUserRequest) -> object:
    """Register a user."""
    try:
        AUTH.register_user(body.email, body.password)
    except ValueError:
        return compat_error(400, message="email already registered")
    return UserActionResult(email=body.email, message="user created")


@blueprint.post("/sessions")
@compat_endpoint(401, takes=RegisterUserRequest, form=True, gives=UserActionResult)
def log_in_user(body: RegisterUserRequest) -> object:
    """Log in.

    The response sets the cookie `session_id`.
    """
    session_id = AUTH.log_in(body.email, body.password)
    if session_id is None:
        abort(401)
    answer = Response(
        UserActionResult(email=body.email, message="logged in").model_dump_json(), mimetype="application/json"
    )
    return set_cookie(answer, COOKIE, session_id)


@blueprint.delete("/sessions")
@compat_endpoint(403, who=SignedInBySession(), status=302)
def log_out_user(user: User) -> object:
    """Log out.

    Ends the session and redirects to `GET /`.
    """
    AUTH.destroy_session(user.id, user.session_id)
    answer = redirect(url_for(".get_welcome_message"))
    answer.delete_cookie(COOKIE, path=request.script_root or "/")
    return answer


@blueprint.get("/profile")
@compat_endpoint(403, who=SignedInBySession(), gives=UserProfile)
def get_user_profile(user: User) -> object:
    """Get the user who is logged in."""
    return user


@blueprint.post("/reset_password")
@compat_endpoint(403, takes=ResetTokenRequest, form=True, gives=ResetTokenResponse)
def create_reset_token(body: ResetTokenRequest) -> object:
    """Get a reset token.

    Anyone can get a token for any user. That is why the compatibility API cannot be enabled in production.
    """
    try:
        return ResetTokenResponse(email=body.email, reset_token=AUTH.get_reset_password_token(body.email))
    except ValueError:
        abort(403)


@blueprint.put("/reset_password")
@compat_endpoint(403, takes=UpdatePasswordRequest, form=True, gives=UserActionResult)
def update_user_password(body: UpdatePasswordRequest) -> object:
    """Set a new password.

    Takes a reset token, which works once.
    """
    try:
        AUTH.update_password(body.reset_token, body.new_password)
    except ValueError:
        abort(403)
    return UserActionResult(email=body.email, message="Password updated")
