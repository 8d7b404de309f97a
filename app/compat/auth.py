"""`auth` of the user authentication service."""

from db import DB

from app.web.compat.user_service import auth
from app.web.compat.user_service.auth import _generate_uuid, _hash_password

__all__ = ["Auth", "_generate_uuid", "_hash_password"]


class Auth(auth.Auth):
    """The functions that the routes call."""

    def __init__(self) -> None:
        self._db = DB()
