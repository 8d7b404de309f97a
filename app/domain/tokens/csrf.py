"""CSRF tokens: a value that only we can make for a session, so that a planted cookie cannot pass for one."""

import hashlib
import hmac

from app.core.errors import Forbidden


class CsrfMismatch(Forbidden):
    """A write by cookie did not prove that a page of ours sent it."""

    code = "csrf_failed"
    detail = "Send the value of the CSRF cookie in the header X-CSRF-Token."


class CsrfTokens:
    """Derives the one CSRF token of a session from a secret. Nothing is kept."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"latchkey csrf", hashlib.sha256)

    def of(self, session_id: str) -> str:
        """The session's token."""
        return hmac.new(self._key, session_id.encode(), hashlib.sha256).hexdigest()

    def check(self, session_id: str, given: str) -> None:
        """Nothing, or `CsrfMismatch`."""
        if not hmac.compare_digest(self.of(session_id).encode(), given.encode("utf-8", "replace")):
            raise CsrfMismatch
