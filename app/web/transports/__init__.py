"""How a request carries its credential: one file per transport. A request may use only one of them."""

from typing import Protocol

from app.core.errors import Invalid, Unauthenticated
from app.flows.steps.identity import Identity
from app.web.transports import basic, bearer, cookie


class MultipleCredentials(Invalid):
    """The request carries more than one credential (RFC 6750, 2)."""

    code = "multiple_credentials"
    detail = "Send only one credential: an Authorization header, cookies, or `refresh_token` in the body."


class RefreshTokenMissing(Unauthenticated):
    """The refresh request has no refresh token."""

    detail = "The refresh token is missing. Send it as `Authorization: Bearer …`, or as `refresh_token` in the body."


class NotByCookie(Unauthenticated):
    """The request has no token cookies, but the route needs them."""

    detail = "This route needs token cookies. Sign in with `?transport=cookie` first."


class Transport(Protocol):
    """A transport: tells whether the request uses it, and reads the credential."""

    def is_presented(self) -> bool:
        """Whether the request uses this transport."""

    def identity(self) -> Identity:
        """The session of the credential. Raises an error if it is not valid."""

    def refresh_token(self) -> str | None:
        """The refresh token, or None if this transport has none."""


def any_presented() -> bool:
    """Whether the request has any credential."""
    return any(transport.is_presented() for transport in _transports())


def chosen() -> Transport:
    """The transport that the request uses. Raises `Unauthenticated` or `MultipleCredentials`."""
    used = _used()
    if used is None:
        raise Unauthenticated
    return used


def presented_refresh_token(in_body: str | None) -> str:
    """The refresh token of the request: from the header, a cookie, or the body."""
    used = _used()
    if used is None or in_body is None:
        token = used.refresh_token() if used else in_body
    elif isinstance(used, bearer.Bearer) and used.refresh_token() == in_body:
        token = in_body
    else:
        raise MultipleCredentials
    if token is None:
        raise RefreshTokenMissing
    return token


def csrf_token() -> str:
    """The CSRF token of the session in the cookies."""
    used = _used()
    if not isinstance(used, cookie.Cookie):
        raise NotByCookie
    return used.csrf_token()


def _used() -> Transport | None:
    used = [transport for transport in _transports() if transport.is_presented()]
    if len(used) > 1:
        raise MultipleCredentials
    return used[0] if used else None


def _transports() -> tuple[Transport, ...]:
    return bearer.Bearer(), cookie.Cookie(), basic.Basic()
