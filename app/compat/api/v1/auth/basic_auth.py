"""`api.v1.auth.basic_auth` of session authentication."""

import _service

from app.web.compat.session_api.auth import BasicAuth

__all__ = ["BasicAuth"]

_service.service()
