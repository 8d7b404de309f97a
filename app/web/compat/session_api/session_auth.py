"""`SessionAuth`, `SessionExpAuth` and `SessionDBAuth` of the exercises: in memory, expiring, in the database."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Request

from app.current import auth, settings
from app.domain.accounts.model import AccountSnapshot
from app.web.compat.caller import caller
from app.web.compat.service import in_service
from app.web.compat.session_api.auth import Auth
from app.web.compat.session_api.user import User


@dataclass(frozen=True, slots=True)
class UserSession:
    """A session. `version` is that of the credentials at its start: a new password or address ends it."""

    user_id: str
    session_id: str
    version: int
    created_at: datetime


@in_service
class SessionAuth(Auth):
    """Sessions in the memory of this process. They do not expire, and end when the process restarts."""

    def __init__(self) -> None:
        self._sessions: dict[str, UserSession] = {}

    @property
    def user_id_by_session_id(self) -> dict[str, str]:
        """A copy of the sessions: user ids by session id."""
        return {session_id: session.user_id for session_id, session in self._sessions.items()}

    def create_session(self, user_id: object = None) -> str | None:
        """Open a session for this user. Returns its id, or None if the user id is not a string."""
        if not isinstance(user_id, str):
            return None
        account = auth.compat.by_id(user_id)
        return self.open_session(account) if account else self._open_unknown(user_id)

    def open_session(self, account: AccountSnapshot) -> str | None:
        """Open a session for an account, with its credentials as they were read or checked."""
        return self._keep(account.id, account.credentials_version)

    def _open_unknown(self, user_id: str) -> str | None:
        return self._keep(user_id, -1)

    def _keep(self, user_id: str, version: int) -> str:
        session = UserSession(user_id, str(uuid.uuid4()), version, auth.compat.clock.now())
        self._sessions[session.session_id] = session
        return session.session_id

    def user_id_for_session_id(self, session_id: object = None) -> str | None:
        """The user id of a session; None if the session does not exist or has expired."""
        session = self._live(session_id)
        return session.user_id if session else None

    def current_user(self, request: Request | None = None) -> User | None:
        """The user of the session in the cookie. None if the account is disabled or its credentials have changed."""
        session = self._live(self.session_cookie(request))
        account = auth.compat.by_id(session.user_id) if session else None
        if session is None or account is None or account.credentials_version != session.version:
            return None
        return User.of(account) if account.disabled_at is None and account.deletes_at is None else None

    def destroy_session(self, request: Request | None = None) -> bool:
        """End the session in the cookie. Returns False if there is none."""
        session = self._live(self.session_cookie(request))
        return session is not None and self._end(session)

    def _live(self, session_id: object) -> UserSession | None:
        session = self._find(session_id) if isinstance(session_id, str) else None
        return session if session and not self._has_expired(session) else None

    def _find(self, session_id: str) -> UserSession | None:
        return self._sessions.get(session_id)

    def _has_expired(self, session: UserSession) -> bool:
        return False

    def _end(self, session: UserSession) -> bool:
        return self._sessions.pop(session.session_id, None) is not None


@in_service
class SessionExpAuth(SessionAuth):
    """Sessions that expire after SESSION_DURATION seconds; 0 means never."""

    def _has_expired(self, session: UserSession) -> bool:
        seconds = settings.session_duration
        return bool(seconds) and auth.compat.clock.now() >= session.created_at + timedelta(seconds=seconds)


@in_service
class SessionDBAuth(SessionExpAuth):
    """Sessions in the sessions table of the service. They survive a restart, and their owners can list them."""

    def open_session(self, account: AccountSnapshot) -> str | None:
        """Open a session. Returns its id, or None if the credentials have changed."""
        return auth.compat.sign_in(account, caller())

    def _open_unknown(self, user_id: str) -> str | None:
        return None

    def _find(self, session_id: str) -> UserSession | None:
        found = auth.compat.session(session_id)
        if found is None:
            return None
        return UserSession(found.owner.id, session_id, found.owner.credentials_version, found.session.created_at)

    def _end(self, session: UserSession) -> bool:
        found = auth.compat.session(session.session_id)
        if found is not None:
            auth.sessions.sign_out(found, caller())
        return found is not None
