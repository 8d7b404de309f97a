"""The cookie transport, for browsers: tokens that scripts cannot read, and a proof for each write.

A browser sends cookies along with requests that a stranger's page started. So a write needs the CSRF token in a header,
which a stranger's page can neither read nor set, and is refused outright when the browser says that it is cross-site.
"""

from typing import Final, Literal

from flask import Response, jsonify, request

from app.current import auth, settings
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.jwt_tokens import ACCESS, REFRESH, TokenExpired
from app.flows.sessions import Identity
from app.flows.steps.issue_tokens import Tokens
from app.web import cookies, device_cookie
from app.web.public_url import origin_of

CSRF_HEADER: Final = "X-CSRF-Token"
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
Way = Literal["bearer", "cookie"]


TOKENS: Final = ("access", "refresh", "csrf")


class Cookie:
    """HttpOnly cookies, with a CSRF token beside them."""

    def is_presented(self) -> bool:
        """Whether the request brings one of the token cookies."""
        return cookies.get("access") is not None or cookies.get("refresh") is not None

    def identity(self) -> Identity:
        """The session of the access cookie; for a write, only with the CSRF token of that session."""
        token = cookies.get("access")
        if token is None:  # the browser dropped it when its time was over; the refresh cookie lives longer
            raise TokenExpired
        identity = auth.sessions.authenticate(token)
        if request.method not in SAFE_METHODS:
            _require_proof(token, ACCESS)
        return identity

    def refresh_token(self) -> str | None:
        """The refresh cookie, with the CSRF token of its session."""
        token = cookies.get("refresh")
        if token is not None:
            _require_proof(token, REFRESH)
        return token

    def csrf_token(self) -> str:
        """The CSRF token of the session whose cookies these are. Only pages that may write learn it."""
        reject_cross_site()
        refresh = cookies.get("refresh")
        return auth.csrf.of(refresh, REFRESH) if refresh else auth.csrf.of(str(cookies.get("access")), ACCESS)


def reject_cross_site() -> None:
    """`CsrfMismatch` when the browser says that another site's page started this request."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "cross-site":
        raise CsrfMismatch("A page of another site may not do this.")
    sender = request.headers.get("Origin")
    if sender is not None and sender not in (origin_of(settings.public_url), *settings.cors_origins):
        raise CsrfMismatch("A page of another origin may not do this.")


def set_tokens(tokens: Tokens, status: int) -> Response:
    """An answer whose cookies hold the tokens; its body holds only what a script needs to know."""
    idle = settings.jwt_refresh_token_expires
    csrf_token = auth.csrf.token_of(tokens.session_id)
    answer = jsonify(token_type="Cookie", expires_in=tokens.expires_in, csrf_token=csrf_token)  # noqa: S106 - no secret
    answer.status_code = status
    cookies.set_cookie(answer, "access", tokens.access_token, tokens.expires_in)
    cookies.set_cookie(answer, "refresh", tokens.refresh_token, idle)
    cookies.set_cookie(answer, "csrf", csrf_token, idle, script_may_read=True)
    device_cookie.set_cookie(auth.sign_in.device_token(tokens))
    return answer


def clear(answer: Response) -> Response:
    """The answer, taking the cookies back. Only for signing out: a lost race must not clear what its winner set."""
    for word in TOKENS:
        cookies.delete(answer, word)
    return answer


def _require_proof(token: str, kind: str) -> None:
    reject_cross_site()
    auth.csrf.check(token, kind, request.headers.get(CSRF_HEADER, ""))
