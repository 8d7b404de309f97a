"""How a credential travels: one file per way. A request uses one of them; two at once say nothing certain."""

from typing import Protocol

from app.core.errors import Invalid, Unauthenticated
from app.flows.sessions import Identity
from app.web.transports import basic, bearer, cookie


class MultipleCredentials(Invalid):
    """The request carries more than one credential (RFC 6750, 2)."""

    code = "multiple_credentials"
    detail = "Send one credential: an Authorization header, or cookies, or `refresh_token` in the body to refresh."


class RefreshTokenMissing(Unauthenticated):
    """The request to refresh carries no credential."""

    detail = "The refresh token is missing. Send it as `Authorization: Bearer …`, or as `refresh_token` in the body."


class NotByCookie(Unauthenticated):
    """No cookies came where only they make sense."""

    detail = "This is for browsers with our cookies: sign in with `?transport=cookie` first."


class Transport(Protocol):
    """One way: whether this request uses it, and what it brings."""

    def is_presented(self) -> bool:
        """Whether the request uses this way."""

    def identity(self) -> Identity:
        """The live session behind the credential, or a error."""

    def refresh_token(self) -> str | None:
        """The refresh token that came this way, or None for none."""


def any_presented() -> bool:
    """Whether the request uses any of the ways."""
    return any(way.is_presented() for way in _ways())


def chosen() -> Transport:
    """The one way that this request uses; `Unauthenticated` for none, `TwoCredentials` for more."""
    used = _used()
    if used is None:
        raise Unauthenticated
    return used


def presented_refresh_token(in_body: str | None) -> str:
    """The one refresh token that was sent: in the header, in a cookie, or in the body."""
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
    """The CSRF token of the session whose cookies came."""
    used = _used()
    if not isinstance(used, cookie.Cookie):
        raise NotByCookie
    return used.csrf_token()


def _used() -> Transport | None:
    used = [way for way in _ways() if way.is_presented()]
    if len(used) > 1:
        raise MultipleCredentials
    return used[0] if used else None


def _ways() -> tuple[Transport, ...]:
    return bearer.Bearer(), cookie.Cookie(), basic.Basic()
