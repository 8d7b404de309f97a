"""Step: give a session its tokens."""

from dataclasses import dataclass

from app.core import logs
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.permissions import Permissions
from app.domain.sessions.model import SessionSnapshot
from app.domain.tokens.jwt_tokens import JwtTokens


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client needs to act for an account; `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    session_id: str
    account_id: str
    credentials_version: int
    token_type: str = "Bearer"  # noqa: S105 - the scheme of RFC 6750, no secret


class IssueTokens:
    """Mints the pair of tokens that belongs to the present generation of a session.

    A flow calls `require_keys` before its unit of work and mints before it commits, so that nothing is stored for
    which no tokens can be given.
    """

    def __init__(self, bearer: JwtTokens, permissions: Permissions) -> None:
        self._bearer, self._permissions = bearer, permissions

    def require_keys(self) -> None:
        """Raises `Unavailable` if no key can sign. Outside a unit of work: the first key may have to be stored."""
        self._bearer.require_keys()

    def __call__(self, account: AccountSnapshot, session: SessionSnapshot) -> Tokens:
        """The pair; its refresh token is the same bytes each time, until the account's credentials change."""
        logs.bind(account_id=account.id, session_id=session.id)
        access, lifetime = self._bearer.access(
            account.id,
            session.id,
            account.roles,
            session.read_at,
            _authentication(session) | self._authorization(account),
        )
        refresh = self._bearer.refresh(
            account.id,
            session.id,
            session.generation,
            session.rotated_at,
            session.expires_at,
            account.credentials_version,
        )
        return Tokens(access, refresh, lifetime, session.id, account.id, account.credentials_version)

    def _authorization(self, account: AccountSnapshot) -> dict[str, object]:
        """`permissions` only where ROLE_PERMISSIONS is set, and `claims` only for an account that has some."""
        found: dict[str, object] = (
            {"permissions": self._permissions.of(account.roles)} if self._permissions.are_set else {}
        )
        return found | {"claims": account.claims} if account.claims_text else found


def _authentication(session: SessionSnapshot) -> dict[str, object]:
    return {
        "amr": session.auth_methods.split(),
        "acr": f"aal{session.level}",
        "auth_time": int(session.authenticated_at.timestamp()),
    }
