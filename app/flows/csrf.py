"""CSRF: what a browser must send along when its cookies speak for it."""

from dataclasses import dataclass

from app.domain.tokens.csrf import CsrfTokens
from app.domain.tokens.jwt_tokens import JwtTokens
from app.flows.steps.identity import Identity


@dataclass(frozen=True, slots=True)
class Csrf:
    """Gives and checks the CSRF token of a session."""

    tokens: JwtTokens
    csrf: CsrfTokens

    def token_of(self, session_id: str) -> str:
        """What to put into the readable cookie."""
        return self.csrf.of(session_id)

    def check_form(self, identity: Identity, given: str) -> None:
        """Raises `CsrfMismatch` unless `given`, from a form, belongs to the session."""
        self.csrf.check(identity.session.id, given)

    def of(self, bearer_token: str, kind: str) -> str:
        """The CSRF token of the session that this token is of; `InvalidToken` for a bad one."""
        return self.csrf.of(self.tokens.read(bearer_token, kind).session_id)

    def check(self, bearer_token: str, kind: str, given: str) -> None:
        """Nothing, or `CsrfMismatch` unless `given` belongs to the token's session; `InvalidToken` for a bad token."""
        self.csrf.check(self.tokens.read(bearer_token, kind).session_id, given)
