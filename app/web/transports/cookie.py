"""The cookie transport, for browsers: tokens that scripts cannot read, and a CSRF check for each write.

A browser also sends cookies with requests that another site's page starts. So a write needs the CSRF token in a header,
which that page can neither read nor set, and is rejected if the browser marks it as cross-site.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from flask import Response, after_this_request, jsonify, request

from app.current import auth, settings
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.jwt_tokens import ACCESS, REFRESH, InvalidToken, TokenExpired
from app.flows.sessions import Scope, SessionEnded
from app.flows.steps.identity import Identity
from app.flows.steps.issue_tokens import Tokens
from app.web import cookies, device_cookie
from app.web.client_info import client_info
from app.web.cors import hint_for, is_listed
from app.web.public_url import origin_of

CSRF_HEADER: Final = "X-CSRF-Token"
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
TransportName = Literal["bearer", "cookie"]
TOKENS: Final = {"access": ACCESS, "refresh": REFRESH}


class Cookie:
    """HttpOnly cookies, and a CSRF token that scripts can read."""

    def is_presented(self) -> bool:
        """Whether the request has one of the token cookies."""
        return any(cookies.get(name) is not None for name in TOKENS)

    def identity(self) -> Identity:
        """The session of the access cookie. A write also needs the CSRF token of that session."""
        token = cookies.get("access")
        if token is None:  # the browser deletes the expired access cookie; the refresh cookie lives longer
            raise TokenExpired
        with deleting_dead():
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

    def sign_out(self, scope: Scope) -> None:
        """End the session of the access cookie, or of the refresh cookie, which lives longer."""
        try:
            auth.sessions.sign_out(self.identity(), client_info(), scope)
        except InvalidToken:
            token = self.refresh_token()
            if token is None:
                raise
            auth.sessions.sign_out_by_refresh_token(token, client_info(), scope)

    def csrf_token(self) -> str:
        """The CSRF token of the session. Only pages that may write get it."""
        reject_cross_site()
        refresh = cookies.get("refresh")
        return auth.csrf.of(refresh, REFRESH) if refresh else auth.csrf.of(str(cookies.get("access")), ACCESS)


def reject_cross_site() -> None:
    """Raises `CsrfMismatch` if the browser says that another site's page started this request.

    With COOKIE_SAMESITE=none it may be one of CORS_ORIGINS.
    """
    origin = request.headers.get("Origin")
    may_be_another_site = settings.cookie_samesite == "none" and is_listed(origin, settings)
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "cross-site" and not may_be_another_site:
        raise CsrfMismatch("Cross-site requests are not allowed.")
    if origin is not None and origin != origin_of(settings.public_url) and not is_listed(origin, settings):
        raise CsrfMismatch(f"Requests from this origin are not allowed. {hint_for(origin, settings)}")


def set_tokens(tokens: Tokens, status: int, **members: object) -> Response:
    """A response with the tokens in cookies; its body contains only what a script needs, and further members."""
    csrf_token = auth.csrf.token_of(tokens.session_id)
    answer = jsonify(token_type="Cookie", expires_in=tokens.expires_in, csrf_token=csrf_token, **members)  # noqa: S106 - not a secret
    answer.status_code = status
    return add_tokens(answer, tokens)


def add_tokens(answer: Response, tokens: Tokens) -> Response:
    """The response with the tokens in cookies."""
    idle, csrf_token = settings.jwt_refresh_token_expires, auth.csrf.token_of(tokens.session_id)
    cookies.set_cookie(answer, "access", tokens.access_token, tokens.expires_in)
    cookies.set_cookie(answer, "refresh", tokens.refresh_token, idle)
    cookies.set_cookie(answer, "csrf", csrf_token, idle, readable_by_scripts=True)
    device_cookie.set_cookie(auth.sign_in.device_token(tokens))
    return answer


def clear(answer: Response) -> Response:
    """Delete the cookies. Only if no other request can have set new ones meanwhile; see `deleting_dead`."""
    for name in (*TOKENS, "csrf"):
        cookies.delete(answer, name)
    return answer


@contextmanager
def deleting_dead() -> Iterator[None]:
    """Delete the cookies with the response if it turns out that their session ended long ago.

    A request that was sent before the end may be answered after the next sign-in, whose cookies have the same names and
    must stay. Cookies that cannot be verified stay too: this process may not know the key yet.
    """
    try:
        yield
    except SessionEnded as ended:
        if ended.long_ago:
            after_this_request(clear)
        raise


def are_dead() -> bool:
    """Whether the session of the cookies in this request has ended."""
    sent = [(token, kind) for name, kind in TOKENS.items() if (token := cookies.get(name)) is not None]
    return bool(sent) and all(auth.sessions.has_ended(token, kind) for token, kind in sent)


def _check_csrf(token: str, kind: str) -> None:
    reject_cross_site()
    auth.csrf.check(token, kind, request.headers.get(CSRF_HEADER, ""))
