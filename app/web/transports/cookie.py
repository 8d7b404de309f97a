"""The cookie transport, for browsers: tokens that scripts cannot read, and a CSRF check for each write.

A browser also sends cookies with requests that another site's page starts. So a write needs the CSRF token in a header,
which that page can neither read nor set, and is rejected if the browser marks it as cross-site.
"""

from typing import Final, Literal

from flask import Response, jsonify, request

from app.current import auth, settings
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.jwt_tokens import ACCESS, REFRESH, TokenExpired
from app.flows.steps.identity import Identity
from app.flows.steps.issue_tokens import Tokens
from app.web import cookies, device_cookie
from app.web.public_url import origin_of

CSRF_HEADER: Final = "X-CSRF-Token"
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
TransportName = Literal["bearer", "cookie"]
TOKENS: Final = ("access", "refresh", "csrf")


class Cookie:
    """HttpOnly cookies, and a CSRF token that scripts can read."""

    def is_presented(self) -> bool:
        """Whether the request has one of the token cookies."""
        return cookies.get("access") is not None or cookies.get("refresh") is not None

    def identity(self) -> Identity:
        """The session of the access cookie. A write also needs the CSRF token of that session."""
        token = cookies.get("access")
        if token is None:  # the browser deletes the expired access cookie; the refresh cookie lives longer
            raise TokenExpired
        identity = auth.sessions.authenticate(token)
        if request.method not in SAFE_METHODS:
            _check_csrf(token, ACCESS)
        return identity

    def refresh_token(self) -> str | None:
        """The refresh cookie. Needs the CSRF token of its session."""
        token = cookies.get("refresh")
        if token is not None:
            _check_csrf(token, REFRESH)
        return token

    def csrf_token(self) -> str:
        """The CSRF token of the session. Only pages that may write get it."""
        reject_cross_site()
        refresh = cookies.get("refresh")
        return auth.csrf.of(refresh, REFRESH) if refresh else auth.csrf.of(str(cookies.get("access")), ACCESS)


def reject_cross_site() -> None:
    """Raises `CsrfMismatch` if the browser says that another site's page started this request."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "cross-site":
        raise CsrfMismatch("Cross-site requests are not allowed.")
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (origin_of(settings.public_url), *settings.cors_origins):
        raise CsrfMismatch("Requests from this origin are not allowed. Add it to CORS_ORIGINS.")


def set_tokens(tokens: Tokens, status: int) -> Response:
    """A response with the tokens in cookies; its body contains only what a script needs."""
    idle = settings.jwt_refresh_token_expires
    csrf_token = auth.csrf.token_of(tokens.session_id)
    answer = jsonify(token_type="Cookie", expires_in=tokens.expires_in, csrf_token=csrf_token)  # noqa: S106 - not a secret
    answer.status_code = status
    cookies.set_cookie(answer, "access", tokens.access_token, tokens.expires_in)
    cookies.set_cookie(answer, "refresh", tokens.refresh_token, idle)
    cookies.set_cookie(answer, "csrf", csrf_token, idle, readable_by_scripts=True)
    device_cookie.set_cookie(auth.sign_in.device_token(tokens))
    return answer


def clear(answer: Response) -> Response:
    """Delete the cookies. Only for sign-out: a request that lost a race must not delete cookies of the one that won."""
    for word in TOKENS:
        cookies.delete(answer, word)
    return answer


def _check_csrf(token: str, kind: str) -> None:
    reject_cross_site()
    auth.csrf.check(token, kind, request.headers.get(CSRF_HEADER, ""))
