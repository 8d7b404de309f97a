"""The one pair of entities that sessions are used with: a session and its account."""

from app.domain.accounts.model import AccountSnapshot
from app.domain.sessions.model import OwnedSession
from app.domain.sessions.store import SessionStore

Identity = OwnedSession[AccountSnapshot]
AccountSessions = SessionStore[AccountSnapshot]
