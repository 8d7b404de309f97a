"""`Auth` and `BasicAuth` as the exercises name them. Use them within an app context."""

from collections.abc import Sequence

from flask import Request, current_app

from app.auth import AccountSnapshot, InvalidCredentials, InvalidEmail
from app.web.classic.caller import caller
from app.web.door import auth


class Auth:
    """What every way of authentication has; this one knows nobody."""

    def require_auth(self, path: str | None, excluded_paths: Sequence[str] | None) -> bool:
        """Whether `path` is none of the excluded. A slash at the end makes no difference; `*` there fits the rest."""
        wanted = f"{path}/".replace("//", "/")
        return path is None or not any(
            wanted.startswith(excluded[:-1]) if excluded.endswith("*") else wanted == f"{excluded}/".replace("//", "/")
            for excluded in excluded_paths or ()
        )

    def authorization_header(self, request: Request | None = None) -> str | None:
        """The Authorization header of the request."""
        return request.headers.get("Authorization") if request else None

    def session_cookie(self, request: Request | None = None) -> str | None:
        """The value of the cookie that SESSION_NAME names."""
        return request.cookies.get(current_app.config["LATCHKEY"].session_name) if request else None

    def current_user(self, request: Request | None = None) -> AccountSnapshot | None:
        """The account that the request's credential leads to."""
        return None


class BasicAuth(Auth):
    """Address and password with each request (RFC 7617)."""

    def current_user(self, request: Request | None = None) -> AccountSnapshot | None:
        """The account whose address and password the Authorization header holds."""
        given = request.authorization if request else None
        if given is None or not given.username or given.password is None:
            return None
        try:
            return auth.sign_in.for_one_request(given.username, given.password, caller()).owner
        except (InvalidCredentials, InvalidEmail):
            return None
