"""Passwords that leaked elsewhere: asked of a service that learns five digits of a digest and nothing else."""

import hashlib
import logging
from typing import Any, Final
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from app.core.errors import Invalid

TIMEOUT: Final = 1.0  # seconds that somebody who signs up waits for another company at most
MAX_RESPONSE: Final = 200_000
log = logging.getLogger(__name__)


class PasswordBreached(Invalid):
    """It stands in a collection of leaked passwords."""

    code = "password_breached"
    detail = "This password was found in a leak of another service, so it will be tried. Choose another one."
    field = "password"


class _NoRedirects(HTTPRedirectHandler):
    """The settings name one service; where it would send us is not for it to say (ASVS 15.3.2)."""

    def redirect_request(self, *_: Any) -> None:
        """No request: the redirect is an error."""


_opener = build_opener(_NoRedirects)


class BreachedPasswords:
    """Looks passwords up by k-anonymity at `url`, which ends where the five digits go; "" asks nobody.

    Where the service does not answer, the password passes (fails open), is counted in `unanswered` and logged.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.unanswered = 0

    def reject_breached(self, password: str) -> None:
        """Nothing, or `PasswordBreached`."""
        if not self._url:
            return
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        try:
            answer = self._ask(digest[:5])
        except (URLError, OSError, ValueError) as failure:
            self.unanswered += 1
            log.warning("the service for leaked passwords does not answer: %s", type(failure).__name__)
            return
        if any(line.partition(":")[0] == digest[5:] and not line.endswith(":0") for line in answer.split()):
            raise PasswordBreached

    def _ask(self, prefix: str) -> str:
        request = Request(self._url + prefix, headers={"Add-Padding": "true"})  # noqa: S310 - https, by the settings
        with _opener.open(request, timeout=TIMEOUT) as answer:
            return str(answer.read(MAX_RESPONSE).decode("ascii", "replace"))
