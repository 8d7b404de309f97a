"""`models.user` of session authentication."""

import _service

from app.web.compat.session_api.user import User

__all__ = ["User"]

_service.service()
