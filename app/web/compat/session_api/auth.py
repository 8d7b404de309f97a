"""`Auth` and `BasicAuth` of the exercises. Use them within an app context."""

import base64
import binascii
from collections.abc import Sequence

from flask import Request

from app.current import auth, settings
from app.domain.accounts.emails import InvalidEmail
from app.flows.steps.check_password import InvalidCredentials
from app.flows.steps.require_second_factor import SecondFactorRequired
from app.web.compat.caller import caller
from app.web.compat.service import in_service
from app.web.compat.session_api.user import User, address_of


@in_service
class Auth:
    """Base class of all kinds of authentication. It has no users."""

    @staticmethod
    def require_auth(path: str | None, excluded_paths: Sequence[str] | None) -> bool:
        """Whether `path` is not excluded. A trailing slash makes no difference; a trailing `*` matches any rest."""
        target = f"{path}/".replace("//", "/")
        return path is None or not any(
            target.startswith(excluded[:-1]) if excluded.endswith("*") else target == f"{excluded}/".replace("//", "/")
            for excluded in excluded_paths or ()
        )

    @staticmethod
    def authorization_header(request: Request | None = None) -> str | None:
        """The Authorization header of the request."""
        return request.headers.get("Authorization") if request else None

    def session_cookie(self, request: Request | None = None) -> str | None:
        """The value of the cookie SESSION_NAME."""
        return request.cookies.get(settings.session_name) if request else None

    def current_user(self, request: Request | None = None) -> User | None:
        """The user of the request."""
        return None


@in_service
class BasicAuth(Auth):
    """Email address and password with each request (RFC 7617)."""

    @staticmethod
    def extract_base64_authorization_header(authorization_header: object) -> str | None:
        """The part of the header after `Basic `."""
        if not isinstance(authorization_header, str) or not authorization_header.startswith("Basic "):
            return None
        return authorization_header.removeprefix("Basic ")

    @staticmethod
    def decode_base64_authorization_header(base64_authorization_header: object) -> str | None:
        """The decoded text; None if it is not Base64 of UTF-8."""
        if not isinstance(base64_authorization_header, str):
            return None
        try:
            return base64.b64decode(base64_authorization_header, validate=True).decode()
        except (binascii.Error, ValueError):
            return None

    @staticmethod
    def extract_user_credentials(decoded_base64_authorization_header: object) -> tuple[str | None, str | None]:
        """Email address and password. The password may contain colons."""
        text = decoded_base64_authorization_header
        if not isinstance(text, str) or ":" not in text:
            return None, None
        email, _, password = text.partition(":")
        return email, password

    def user_object_from_credentials(self, user_email: object, user_pwd: object) -> User | None:
        """The user with this address, if the password is correct."""
        if not isinstance(user_email, str) or not isinstance(user_pwd, str):
            return None
        try:
            return User.of(auth.sign_in.authenticate_request(address_of(user_email), user_pwd, caller()).owner)
        except (InvalidCredentials, SecondFactorRequired, InvalidEmail):
            return None

    def current_user(self, request: Request | None = None) -> User | None:
        """The user whose address and password are in the Authorization header."""
        credentials = request.authorization if request else None
        if credentials is None or not credentials.username or credentials.password is None:
            return None
        return self.user_object_from_credentials(credentials.username, credentials.password)
