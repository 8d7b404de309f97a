"""`api.v1.auth.session_auth` of session authentication."""

import _service

from app.web.compat.session_api.session_auth import SessionAuth

__all__ = ["SessionAuth"]

_service.service()
