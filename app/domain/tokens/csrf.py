"""CSRF tokens: a value that only we can make for a session, so that a planted cookie cannot pass for one."""

import hashlib
import hmac

from app.core.errors import Forbidden


class CsrfMismatch(Forbidden):
    """A write by cookie did not prove that a page of ours sent it."""

    code = "csrf_failed"
    detail = "Send the CSRF token of this session in the header X-CSRF-Token. GET /api/v1/auth/csrf gives it."


class CsrfTokens:
    """Derives the CSRF token of a session from the first of `secrets`, and takes that of any. Nothing is kept."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._keys = [hmac.digest(secret.encode(), b"latchkey csrf", hashlib.sha256) for secret in secrets]

    def of(self, session_id: str) -> str:
        """The session's token."""
        return _token(self._keys[0], session_id)

    def check(self, session_id: str, given: str) -> None:
        """Nothing, or `CsrfMismatch`."""
        sent = given.encode("utf-8", "replace")
        if not any(hmac.compare_digest(_token(key, session_id).encode(), sent) for key in self._keys):
            raise CsrfMismatch


def _token(key: bytes, session_id: str) -> str:
    return hmac.new(key, session_id.encode(), hashlib.sha256).hexdigest()
