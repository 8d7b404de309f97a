"""`Auth` of the exercise, backed by the flows of the service. Use it within an app context."""

import uuid
from contextlib import suppress

from sqlalchemy.exc import NoResultFound

from app.current import auth
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.store import NoSuchAccount
from app.domain.tokens.links import LinkExpired, LinkInvalid, LinkUsed
from app.flows.steps.check_password import InvalidCredentials
from app.flows.steps.require_second_factor import SecondFactorRequired
from app.web.compat.caller import caller
from app.web.compat.service import in_service, service_context
from app.web.compat.user_service.db import DB, User


@service_context()
def _hash_password(password: str) -> bytes:
    """A bcrypt hash of a password. The service replaces it by its own kind of hash at the next sign-in."""
    return auth.compat.plain_hash(password).encode()


def _generate_uuid() -> str:
    """A random UUID."""
    return str(uuid.uuid4())


@in_service
class Auth:
    """The functions that the routes call."""

    def __init__(self) -> None:
        self._db = DB()

    def register_user(self, email: str, password: str) -> User:
        """Create a user. Raises `ValueError` if the address has one."""
        return self._db.add_user(email, _hash_password(password).decode())

    def valid_login(self, email: str, password: str) -> bool:
        """Whether the password of the user with this address is correct."""
        try:
            auth.sign_in.authenticate_request(email, password, caller())
        except (InvalidCredentials, SecondFactorRequired, InvalidEmail):
            return False
        return True

    def log_in(self, email: str, password: str) -> str | None:
        """`valid_login` and `create_session` in one step, without a race between them. Returns the session id."""
        try:
            return auth.sign_in.with_password(email, password, caller()).session_id
        except (InvalidCredentials, SecondFactorRequired, InvalidEmail):
            return None

    def create_session(self, email: str) -> str | None:
        """Open a session for the user with this address. Returns its id, or None. Other sessions are not ended."""
        account = auth.compat.by_email(email)
        return auth.compat.sign_in(account, caller()) if account else None

    def get_user_from_session_id(self, session_id: str | None) -> User | None:
        """The user of the live session with this id."""
        try:
            return self._db.find_user_by(session_id=session_id)
        except NoResultFound:
            return None

    def destroy_session(self, user_id: object, session_id: str | None = None) -> None:
        """End one session of the user, or all."""
        if session_id is None:
            self._db.update_user(user_id, session_id=None)
            return
        identity = auth.compat.session(session_id)
        with suppress(NoResultFound):
            self._db.find_user_by(id=user_id, session_id=session_id)
            if identity is not None:
                auth.sessions.sign_out(identity, caller())

    def get_reset_password_token(self, email: str) -> str:
        """A token to set a new password once. Raises `ValueError` for an unknown address."""
        account = auth.compat.by_email(email)
        try:
            if account is not None:
                return auth.compat.reset_token(account)
        except NoSuchAccount:
            pass  # it was deleted at this moment
        raise ValueError(f"No user has the address {email}")

    def update_password(self, reset_token: str, password: str) -> None:
        """Set the password and end all sessions. Raises `ValueError` if the token is invalid, used or expired."""
        try:
            auth.compat.reset(reset_token, password, caller())
        except (LinkInvalid, LinkExpired, LinkUsed) as error:
            raise ValueError(error.message) from None
