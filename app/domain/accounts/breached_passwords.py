"""Passwords that appeared in data breaches, looked up by k-anonymity.

The service (Pwned Passwords or a compatible one) receives the first five hexadecimal digits of the SHA-1 digest only.
"""

import hashlib
import logging
from http import HTTPStatus
from typing import Final
from urllib.request import Request

from app.core.errors import Invalid
from app.core.http_fetch import FetchFailed, fetch

TIMEOUT: Final = 1.0  # seconds that the lookup may delay a sign-up
MAX_RESPONSE: Final = 200_000  # bytes
log = logging.getLogger(__name__)


class PasswordBreached(Invalid):
    """The password is in a collection of breached passwords."""

    code = "password_breached"
    detail = "This password appeared in a data breach. Choose another one."
    field = "password"


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
        except FetchFailed as error:
            self.unanswered += 1
            log.warning("breached password service does not respond, check skipped: %s", error)
            return
        if any(line.partition(":")[0] == digest[5:] and not line.endswith(":0") for line in answer.split()):
            raise PasswordBreached

    def _request(self, prefix: str) -> str:
        # The settings accept only https here.
        request = Request(self._url + prefix, headers={"Add-Padding": "true"})  # noqa: S310
        answer = fetch(request, timeout=TIMEOUT, most=MAX_RESPONSE)
        if answer.status != HTTPStatus.OK:
            raise FetchFailed(f"status {answer.status}")
        return answer.body.decode("ascii", "replace")
