"""`api.v1.auth.auth` of session authentication."""

import _service

from app.web.compat.session_api.auth import Auth

__all__ = ["Auth"]

_service.service()
