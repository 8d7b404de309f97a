"""CSRF tokens: an HMAC of the session id, so that a cookie set by another site cannot serve as one."""

import hashlib
import hmac

from app.core.errors import Forbidden
from app.core.key_derivation import derive_key


class CsrfMismatch(Forbidden):
    """A write authenticated by cookie has no CSRF token of its session."""

    code = "csrf_failed"
    detail = "CSRF token missing or wrong. Get one from GET /api/v1/auth/csrf, and send it in the header X-CSRF-Token."


class CsrfTokens:
    """Derives the CSRF token of a session from the first of `secrets`, and accepts that of any. Stores nothing."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._keys = [derive_key(secret, "csrf") for secret in secrets]

    def of(self, session_id: str) -> str:
        """The CSRF token of the session."""
        return _token(self._keys[0], session_id)

    def check(self, session_id: str, given: str) -> None:
        """Raises `CsrfMismatch` if `given` is not the token of the session."""
        sent = given.encode("utf-8", "replace")
        if not any(hmac.compare_digest(_token(key, session_id).encode(), sent) for key in self._keys):
            raise CsrfMismatch


def _token(key: bytes, session_id: str) -> str:
    return hmac.new(key, session_id.encode(), hashlib.sha256).hexdigest()
