"""How a request carries its credential: one file per transport.

What the client sends on purpose counts: a header or a token in the body. Cookies count only without those, because a
browser adds them to every request, also those of a session that ended. A wrong header is an error, even with cookies.
"""

from dataclasses import dataclass
from typing import Protocol

from app.core.errors import Invalid, Unauthenticated
from app.current import auth
from app.flows.sessions import Scope
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.transports import basic, bearer, cookie


class MultipleCredentials(Invalid):
    """The request carries more than one credential (RFC 6750, 2)."""

    code = "multiple_credentials"
    detail = "Send only one credential: an Authorization header, or `refresh_token` in the body."


class RefreshTokenMissing(Unauthenticated):
    """The refresh request has no refresh token."""

    detail = "The refresh token is missing. Send it as `Authorization: Bearer …`, or as `refresh_token` in the body."


class NotByCookie(Unauthenticated):
    """The request has no token cookies, but the route needs them."""

    detail = "This route needs token cookies. Sign in with `?transport=cookie` first."


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A refresh token, and whether it came in a cookie."""

    value: str
    by_cookie: bool


class Transport(Protocol):
    """A transport: tells whether the request uses it, and reads the credential."""

    def is_presented(self) -> bool:
        """Whether the request uses this transport."""

    def identity(self) -> Identity:
        """The session of the credential. Raises an error if it is not valid."""

    def refresh_token(self) -> str | None:
        """The refresh token, or None if this transport has none."""

    def sign_out(self, scope: Scope) -> None:
        """End sessions. Raises an error if the credential is not valid."""


def any_presented() -> bool:
    """Whether the request has any credential."""
    return any(transport.is_presented() for transport in _transports())


def chosen() -> Transport:
    """The transport that the request uses. Raises `Unauthenticated`."""
    used = _used()
    if used is None:
        raise Unauthenticated
    return used


def presented_refresh_token(in_body: str | None) -> PresentedToken:
    """The refresh token of the request: from the header, the body, or a cookie."""
    used = _used()
    if in_body is not None:
        if not isinstance(used, cookie.Cookie | None) and used.refresh_token() != in_body:
            raise MultipleCredentials
        return PresentedToken(in_body, by_cookie=False)
    token = used.refresh_token() if used else None
    if token is None:
        raise RefreshTokenMissing
    return PresentedToken(token, by_cookie=isinstance(used, cookie.Cookie))


def sign_out(refresh_token: str | None, scope: Scope) -> None:
    """End sessions, by the refresh token in the body or by the credential that the request carries."""
    if refresh_token is None:
        chosen().sign_out(scope)
    else:  # also if a header has an access token, which may have expired
        auth.sessions.sign_out_by_refresh_token(refresh_token, client_info(), scope)


def is_by_cookie(refresh_token: str | None) -> bool:
    """Whether cookies are the credential of the request; `refresh_token` is that of the body."""
    return refresh_token is None and isinstance(_used(), cookie.Cookie)


def csrf_token() -> str:
    """The CSRF token of the session in the cookies."""
    by_cookie = cookie.Cookie()
    if not by_cookie.is_presented():
        raise NotByCookie
    return by_cookie.csrf_token()


def _used() -> Transport | None:
    return next((transport for transport in _transports() if transport.is_presented()), None)


def _transports() -> tuple[Transport, ...]:
    return bearer.Bearer(), basic.Basic(), cookie.Cookie()
