"""Guards: each one authenticates and authorizes the request, or raises an error."""

from dataclasses import dataclass
from typing import Protocol

from app.core import logs
from app.core.errors import Forbidden, ServiceError, Unauthenticated
from app.domain.accounts.roles import ADMIN
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.jwt_tokens import InvalidToken, TokenExpired
from app.flows.sessions import SessionEnded
from app.flows.steps.check_password import ReauthenticationRequired
from app.flows.steps.identity import Identity
from app.flows.steps.require_recent_auth import StrongerSignInRequired
from app.web import transports

Errors = tuple[type[ServiceError], ...]
# Of routes for sensitive actions, in addition to those of their guard
REAUTHENTICATION_ERRORS: Errors = (ReauthenticationRequired, StrongerSignInRequired)


class Guard(Protocol):
    """Decides who may call an endpoint."""

    @property
    def scheme(self) -> str | None:
        """The security scheme in the OpenAPI document; None without authentication."""

    @property
    def gives(self) -> str | None:
        """The name of the handler's argument that receives the result of `admit`; None for no argument."""

    @property
    def errors(self) -> Errors:
        """The errors that `admit` may raise."""

    def admit(self) -> object:
        """Check the request. Returns the value for the handler, or raises one of `errors`."""


@dataclass(frozen=True)
class Anyone:
    """Everyone. Credentials are ignored."""

    scheme: str | None = None
    gives: str | None = None
    errors: Errors = ()

    def admit(self) -> None:
        """Accept the request."""


@dataclass(frozen=True)
class SignedIn:
    """A caller with the access token of a live session."""

    scheme: str | None = "bearerAuth"
    gives: str | None = "identity"
    errors: Errors = (Unauthenticated, InvalidToken, TokenExpired, CsrfMismatch)

    def admit(self) -> Identity:
        """The session and its account."""
        identity = transports.chosen().identity()
        logs.bind(account_id=identity.owner.id, session_id=identity.session.id)
        return identity


@dataclass(frozen=True)
class Administrator(SignedIn):
    """A signed-in caller whose account has the role `admin` now; roles in the token may be outdated."""

    errors: Errors = (*SignedIn.errors, Forbidden)

    def admit(self) -> Identity:
        """The session and account of the administrator."""
        identity = super().admit()
        if ADMIN not in identity.owner.roles:
            raise Forbidden
        return identity


@dataclass(frozen=True)
class MaybeSignedIn(SignedIn):
    """Everyone. A credential is checked if the request has one."""

    def admit(self) -> Identity | None:  # type: ignore[override]
        """The session, or None for a request without a credential, or with nothing but cookies of an ended session."""
        try:
            return super().admit() if transports.any_presented() else None
        except SessionEnded:
            if transports.is_by_cookie(None):
                return None
            raise


@dataclass(frozen=True)
class HasRefreshToken:
    """A caller with a refresh token. The handler checks it, because it may be in the body."""

    scheme: str | None = "refreshToken"
    gives: str | None = None
    errors: Errors = (
        transports.MultipleCredentials,
        transports.RefreshTokenMissing,
        InvalidToken,
        TokenExpired,
        CsrfMismatch,
    )

    def admit(self) -> None:
        """Accept the request for now."""


@dataclass(frozen=True)
class HasToken(HasRefreshToken):
    """A caller with an access or a refresh token. The handler checks it, because it may be in the body."""

    scheme: str | None = "bearerAuth"
    errors: Errors = (Unauthenticated, InvalidToken, TokenExpired, CsrfMismatch)


@dataclass(frozen=True)
class SignedInByCookie:
    """A browser with token cookies; the refresh cookie is enough."""

    scheme: str | None = "cookieAuth"
    gives: str | None = "csrf_token"
    errors: Errors = (transports.NotByCookie, InvalidToken, TokenExpired, CsrfMismatch)

    def admit(self) -> str:
        """The CSRF token of the session."""
        return transports.csrf_token()


def security_of(guard: Guard, *, basic: bool) -> list[dict[str, list[str]]]:
    """The security requirements for OpenAPI. {} means without a credential, or with one in the body."""
    if guard.scheme is None:
        return []
    ways: list[dict[str, list[str]]] = [{guard.scheme: []}]
    if isinstance(guard, MaybeSignedIn | HasRefreshToken):
        ways.insert(0, {})
    if basic and isinstance(guard, SignedIn | HasToken):
        ways.append({"basicAuth": []})
    return ways
