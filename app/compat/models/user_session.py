"""`models.user_session` of session authentication."""

import _service

from app.web.compat.session_api.session_auth import UserSession

__all__ = ["UserSession"]

_service.service()
