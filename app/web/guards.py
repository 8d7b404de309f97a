"""Who may pass: each guard turns a request away or says who is asking."""

from dataclasses import dataclass
from typing import Protocol

from app.core import logs
from app.core.errors import Forbidden, ServiceError, Unauthenticated
from app.domain.accounts.roles import ADMIN
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.jwt_tokens import InvalidToken, TokenExpired
from app.flows.sessions import Identity
from app.web import transports

Errors = tuple[type[ServiceError], ...]


class Guard(Protocol):
    """Decides who may call an endpoint; `gives` names what the handler gets to know, if anything."""

    @property
    def scheme(self) -> str | None:
        """The security scheme in the documentation."""

    @property
    def gives(self) -> str | None:
        """The argument that the handler gets."""

    @property
    def errors(self) -> Errors:
        """How it turns away."""

    def admit(self) -> object:
        """What the handler gets, or a error."""


@dataclass(frozen=True)
class Anyone:
    """No credential is looked at."""

    scheme: str | None = None
    gives: str | None = None
    errors: Errors = ()

    def admit(self) -> None:
        """Nobody in particular."""


@dataclass(frozen=True)
class SignedIn:
    """Whoever holds the access token of a live session."""

    scheme: str | None = "bearerAuth"
    gives: str | None = "identity"
    errors: Errors = (transports.MultipleCredentials, Unauthenticated, InvalidToken, TokenExpired, CsrfMismatch)

    def admit(self) -> Identity:
        """The live session and its account."""
        identity = transports.chosen().identity()
        logs.bind(account_id=identity.owner.id, session_id=identity.session.id)
        return identity


@dataclass(frozen=True)
class Administrator(SignedIn):
    """Whoever is signed in and has the role now: by the account's row, whatever the token says."""

    errors: Errors = (*SignedIn.errors, Forbidden)

    def admit(self) -> Identity:
        """The administrator's session and account."""
        identity = super().admit()
        if ADMIN not in identity.owner.roles:
            raise Forbidden
        return identity


@dataclass(frozen=True)
class MaybeSignedIn(SignedIn):
    """Anyone; whoever carries a credential is known by it."""

    def admit(self) -> Identity | None:  # type: ignore[override]
        """The session, or None for a request without a credential."""
        return super().admit() if transports.any_presented() else None


@dataclass(frozen=True)
class HasRefreshToken:
    """Anyone who sends a refresh token. It may be in the body, so the handler asks for it, once the body is read."""

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
        """Anyone, so far."""


@dataclass(frozen=True)
class SignedInByCookie:
    """A browser that has our cookies, also when only the refresh cookie is left."""

    scheme: str | None = "cookieAuth"
    gives: str | None = "csrf_token"
    errors: Errors = (transports.MultipleCredentials, transports.NotByCookie, InvalidToken, TokenExpired, CsrfMismatch)

    def admit(self) -> str:
        """The CSRF token of the session."""
        return transports.csrf_token()


def security_of(guard: Guard, *, basic: bool) -> list[dict[str, list[str]]]:
    """The ways to pass, as OpenAPI has them; {} is: without a credential, or with one in the body."""
    if guard.scheme is None:
        return []
    ways: list[dict[str, list[str]]] = [{guard.scheme: []}]
    if isinstance(guard, MaybeSignedIn | HasRefreshToken):
        ways.insert(0, {})
    if basic and isinstance(guard, SignedIn):
        ways.append({"basicAuth": []})
    return ways
