"""`api.v1.auth.session_db_auth` of session authentication."""

import _service

from app.web.compat.session_api.session_auth import SessionDBAuth

__all__ = ["SessionDBAuth"]

_service.service()
