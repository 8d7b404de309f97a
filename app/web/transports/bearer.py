"""The bearer transport: a token in the Authorization header (RFC 6750)."""

from flask import request

from app.current import auth
from app.domain.tokens.jwt_tokens import InvalidToken, WrongKind
from app.flows.sessions import Scope
from app.flows.steps.identity import Identity
from app.web.client_info import client_info


class Bearer:
    """`Authorization: Bearer …`."""

    def is_presented(self) -> bool:
        """Whether the request has such a header."""
        return _scheme() == "bearer"

    def identity(self) -> Identity:
        """The session of the access token."""
        return auth.sessions.authenticate(_token())

    def refresh_token(self) -> str:
        """The token, as a refresh token."""
        return _token()

    def sign_out(self, scope: Scope) -> None:
        """End the session of the token, which may be of either kind."""
        try:
            auth.sessions.sign_out(self.identity(), client_info(), scope)
        except WrongKind:
            auth.sessions.sign_out_by_refresh_token(_token(), client_info(), scope)


def _scheme() -> str:
    return request.headers.get("Authorization", "").partition(" ")[0].lower()


def _token() -> str:
    token = request.headers["Authorization"].partition(" ")[2]
    if not token or " " in token:
        raise InvalidToken
    return token
