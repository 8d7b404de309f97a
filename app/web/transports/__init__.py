"""How a credential travels: one file per way. A request uses one of them; two at once say nothing certain."""

from typing import Protocol

from app.auth import Identity
from app.core.errors import Invalid, Unauthenticated
from app.web.transports import basic, bearer, cookie


class TwoCredentials(Invalid):
    """The request carries more than one credential (RFC 6750, 2)."""

    code = "two_credentials"
    detail = "Send one credential: either an Authorization header or cookies, not both."


class Transport(Protocol):
    """One way: whether this request uses it, and what it brings."""

    def carried(self) -> bool:
        """Whether the request uses this way."""

    def identity(self) -> Identity:
        """The live session behind the credential, or a refusal."""

    def refresh_token(self) -> str:
        """The refresh token that came this way, or a refusal."""


def any_carried() -> bool:
    """Whether the request uses any of the ways."""
    return any(way.carried() for way in _ways())


def chosen() -> Transport:
    """The one way that this request uses; `Unauthenticated` for none, `TwoCredentials` for more."""
    used = [way for way in _ways() if way.carried()]
    if len(used) > 1:
        raise TwoCredentials
    if not used:
        raise Unauthenticated
    return used[0]


def _ways() -> tuple[Transport, ...]:
    return bearer.Bearer(), cookie.Cookie(), basic.Basic()
