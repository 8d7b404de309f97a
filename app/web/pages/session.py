"""Who is signed in in this browser, for pages. They have no script that could refresh tokens, so it happens here."""

from dataclasses import dataclass

from app.core import logs
from app.core.errors import Unauthenticated
from app.current import auth
from app.domain.tokens.jwt_tokens import InvalidToken
from app.flows.steps.identity import Identity
from app.flows.steps.issue_tokens import Tokens
from app.web import cookies
from app.web.client_info import client_info


@dataclass(frozen=True, slots=True)
class PageSession:
    """The session of this browser. `refreshed` are new tokens, which the response must set as cookies."""

    identity: Identity
    refreshed: Tokens | None = None


def page_session() -> PageSession | None:
    """The session of the cookies, refreshed if the access token is gone or has expired; None without a live one."""
    found = _by_access_cookie() or _by_refresh_cookie()
    if found is not None:
        logs.bind(account_id=found.identity.owner.id, session_id=found.identity.session.id)
    return found


def _by_access_cookie() -> PageSession | None:
    token = cookies.get("access")
    try:
        return PageSession(auth.sessions.authenticate(token)) if token else None
    except (InvalidToken, Unauthenticated):
        return None


def _by_refresh_cookie() -> PageSession | None:
    token = cookies.get("refresh")
    if not token:
        return None
    try:
        # Without an idempotency key: a browser that loses this answer may refresh once more with the old token.
        tokens = auth.sessions.refresh(token, client_info())
        return PageSession(auth.sessions.authenticate(tokens.access_token), tokens)
    except (InvalidToken, Unauthenticated):
        return None
