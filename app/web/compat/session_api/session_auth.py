"""`SessionAuth` and its two kin: sessions in memory, sessions that expire, sessions in the database."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Request

from app.current import auth, settings
from app.web.compat.caller import caller
from app.web.compat.service import in_service
from app.web.compat.session_api.auth import Auth
from app.web.compat.session_api.user import User


@dataclass(frozen=True, slots=True)
class UserSession:
    """A session. `version` is that of the user's credentials as it began: another password or address ends it."""

    user_id: str
    session_id: str
    version: int
    created_at: datetime


@in_service
class SessionAuth(Auth):
    """Sessions in the memory of this process. They never expire, and a restart forgets them."""

    def __init__(self) -> None:
        self._kept: dict[str, UserSession] = {}

    @property
    def user_id_by_session_id(self) -> dict[str, str]:
        """Whose sessions are kept here, by their ids; a copy."""
        return {session_id: session.user_id for session_id, session in self._kept.items()}

    def create_session(self, user_id: object = None) -> str | None:
        """The id of a new session of this user; None unless the id is a string."""
        if not isinstance(user_id, str):
            return None
        account = auth.compat.by_id(user_id)
        return self.open_session(user_id, account.credentials_version if account else -1)

    def open_session(self, user_id: str, version: int) -> str | None:
        """The same for credentials that were just checked, in their version."""
        session = UserSession(user_id, str(uuid.uuid4()), version, auth.compat.clock.now())
        self._kept[session.session_id] = session
        return session.session_id

    def user_id_for_session_id(self, session_id: object = None) -> str | None:
        """Whose session this is; None unless it is the id of a session that lasts."""
        session = self._lasting(session_id)
        return session.user_id if session else None

    def current_user(self, request: Request | None = None) -> User | None:
        """The user whose session the cookie names, as long as it may sign in and its credentials are the same."""
        session = self._lasting(self.session_cookie(request))
        account = auth.compat.by_id(session.user_id) if session else None
        if session is None or account is None or account.credentials_version != session.version:
            return None
        return User.of(account) if account.disabled_at is None and account.deletes_at is None else None

    def destroy_session(self, request: Request | None = None) -> bool:
        """End the session that the cookie names; False if there is none."""
        session = self._lasting(self.session_cookie(request))
        return session is not None and self._end(session)

    def _lasting(self, session_id: object) -> UserSession | None:
        session = self._find(session_id) if isinstance(session_id, str) else None
        return session if session and not self._is_over(session) else None

    def _find(self, session_id: str) -> UserSession | None:
        return self._kept.get(session_id)

    def _is_over(self, session: UserSession) -> bool:
        return False

    def _end(self, session: UserSession) -> bool:
        return self._kept.pop(session.session_id, None) is not None


@in_service
class SessionExpAuth(SessionAuth):
    """The same, over after SESSION_DURATION seconds; 0 means never."""

    def _is_over(self, session: UserSession) -> bool:
        seconds = settings.session_duration
        return bool(seconds) and auth.compat.clock.now() >= session.created_at + timedelta(seconds=seconds)


@in_service
class SessionDBAuth(SessionExpAuth):
    """The same, in the sessions table of the house: they outlive a restart, and their owners see them as devices."""

    def open_session(self, user_id: str, version: int) -> str | None:
        """The id of a new session; None for an unknown user, or for credentials that were changed meanwhile."""
        return auth.compat.sign_in(user_id, version, caller())

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
