"""Passwords that appeared in data breaches, looked up by k-anonymity.

The service (Pwned Passwords or a compatible one) receives the first five hexadecimal digits of the SHA-1 digest only.
"""

import hashlib
import logging
from typing import Any, Final
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from app.core.errors import Invalid

TIMEOUT: Final = 1.0  # seconds that the lookup may delay a sign-up
MAX_RESPONSE: Final = 200_000  # bytes
log = logging.getLogger(__name__)


class PasswordBreached(Invalid):
    """The password is in a collection of breached passwords."""

    code = "password_breached"
    detail = "This password appeared in a data breach. Choose another one."
    field = "password"


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: only the configured host may be contacted (ASVS 15.3.2)."""

    def redirect_request(self, *_: Any) -> None:
        """Return None, so that the redirect raises `HTTPError`."""


_opener = build_opener(_NoRedirects)


class BreachedPasswords:
    """Looks passwords up at `url`, to which the five digits are appended; an empty `url` turns the check off.

    If the service does not respond, the password is accepted (fail open); this is counted in `unanswered` and logged.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.unanswered = 0

    def reject_breached(self, password: str) -> None:
        """Raises `PasswordBreached` if the service knows the password."""
        if not self._url:
            return
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        try:
            answer = self._request(digest[:5])
        except (URLError, OSError, ValueError) as error:
            self.unanswered += 1
            log.warning("breached password service does not respond, check skipped: %s", type(error).__name__)
            return
        if any(line.partition(":")[0] == digest[5:] and not line.endswith(":0") for line in answer.split()):
            raise PasswordBreached

    def _request(self, prefix: str) -> str:
        # The settings accept only https here.
        request = Request(self._url + prefix, headers={"Add-Padding": "true"})  # noqa: S310
        with _opener.open(request, timeout=TIMEOUT) as answer:
            return str(answer.read(MAX_RESPONSE).decode("ascii", "replace"))
