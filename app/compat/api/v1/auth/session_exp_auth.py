"""`api.v1.auth.session_exp_auth` of session authentication."""

import _service

from app.web.compat.session_api.session_auth import SessionExpAuth

__all__ = ["SessionExpAuth"]

_service.service()
