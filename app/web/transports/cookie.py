"""The cookie transport, for browsers: tokens that scripts cannot read, and a proof for each write.

A browser sends cookies along with requests that a stranger's page started. So a write needs the CSRF token in a header,
which a stranger's page can neither read nor set, and is refused outright when the browser says that it is cross-site.
"""

from dataclasses import dataclass
from typing import Final, Literal

from flask import Response, current_app, jsonify, request

from app.auth import ACCESS, REFRESH, CsrfMismatch, Identity, Tokens
from app.core.errors import Unauthenticated
from app.web.door import auth

CSRF_HEADER: Final = "X-CSRF-Token"
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
Way = Literal["bearer", "cookie"]


@dataclass(frozen=True, slots=True)
class Names:
    """What the cookies are called. `__Host-` makes a browser insist on Secure, this host and the root path."""

    access: str
    refresh: str
    csrf: str


SECURE: Final = Names("__Host-latchkey_access", "__Host-latchkey_refresh", "__Host-latchkey_csrf")
PLAIN: Final = Names("latchkey_access", "latchkey_refresh", "latchkey_csrf")


class Cookie:
    """HttpOnly cookies, with a CSRF token beside them."""

    def carried(self) -> bool:
        """Whether the request brings one of the token cookies."""
        names = _names()
        return names.access in request.cookies or names.refresh in request.cookies

    def identity(self) -> Identity:
        """The session of the access cookie; for a write, only with the CSRF token of that session."""
        token = request.cookies.get(_names().access)
        if token is None:  # only the refresh cookie is left
            raise Unauthenticated
        identity = auth.sessions.identify(token)
        if request.method not in SAFE_METHODS:
            _require_proof(token, ACCESS)
        return identity

    def refresh_token(self) -> str:
        """The refresh cookie, with the CSRF token of its session."""
        token = request.cookies.get(_names().refresh)
        if token is None:
            raise Unauthenticated
        _require_proof(token, REFRESH)
        return token


def refuse_cross_site() -> None:
    """`CsrfMismatch` when the browser says that another site's page started this request."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "cross-site":
        raise CsrfMismatch("A page of another site may not do this.")
    sender = request.headers.get("Origin")
    settings = current_app.config["LATCHKEY"]
    if sender is not None and sender not in (settings.public_url, *settings.cors_origins):
        raise CsrfMismatch("A page of another origin may not do this.")


def carry(tokens: Tokens, status: int) -> Response:
    """An answer whose cookies hold the tokens; its body holds only what a script needs to know."""
    settings, names = current_app.config["LATCHKEY"], _names()
    csrf_token = auth.csrf.token_of(tokens.session_id)
    answer = jsonify(token_type="Cookie", expires_in=tokens.expires_in, csrf_token=csrf_token)  # noqa: S106 - no secret
    answer.status_code = status
    _set(answer, names.access, tokens.access_token, tokens.expires_in)
    _set(answer, names.refresh, tokens.refresh_token, settings.jwt_refresh_token_expires)
    _set(answer, names.csrf, csrf_token, settings.jwt_refresh_token_expires, script_may_read=True)
    return answer


def clear(answer: Response) -> Response:
    """The answer, taking the cookies back. Only for signing out: a lost race must not clear what its winner set."""
    for name in (_names().access, _names().refresh, _names().csrf):
        answer.delete_cookie(name, path="/", secure=_is_secure(), httponly=True, samesite="Lax")
    return answer


def _require_proof(token: str, kind: str) -> None:
    refuse_cross_site()
    given = request.headers.get(CSRF_HEADER, "")
    if not given or given != request.cookies.get(_names().csrf):
        raise CsrfMismatch
    auth.csrf.check(token, kind, given)


def _set(answer: Response, name: str, value: str, seconds: int, *, script_may_read: bool = False) -> None:
    answer.set_cookie(
        name, value, max_age=seconds, path="/", secure=_is_secure(), httponly=not script_may_read, samesite="Lax"
    )


def _names() -> Names:
    return SECURE if _is_secure() else PLAIN


def _is_secure() -> bool:
    return bool(current_app.config["LATCHKEY"].public_url.startswith("https://"))
