"""Requests to one provider. A provider that does not respond must not hold the threads that serve everybody."""

import json
import logging
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import Request

from app.core.http_fetch import FetchedResponse, FetchFailed, fetch
from app.domain.providers.errors import ProviderUnavailable

TIMEOUT: Final = 3.0  # seconds
MOST_BYTES: Final = 1_000_000
MOST_AT_ONCE: Final = 8
PAUSE: Final = 5.0  # seconds after a failure, in which only one request is tried
HEADERS: Final = {"Accept": "application/json", "User-Agent": "latchkey"}
log = logging.getLogger(__name__)


class ProviderConnection:
    """Sends at most `MOST_AT_ONCE` requests at the same time, and fails at once for `pause` seconds after a failure."""

    def __init__(self, provider_id: str, *, timeout: float = TIMEOUT, pause: float = PAUSE) -> None:
        self._id, self._timeout, self._pause = provider_id, timeout, pause
        self._free = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._lock, self._down, self._next_try = threading.Lock(), False, 0.0

    def get(self, url: str) -> Any:
        """The JSON at the URL. Raises `ProviderUnavailable` for anything else."""
        response = self._get(url, {})
        if response.status != HTTPStatus.OK:
            raise self.failed(f"status {response.status}")
        found = _json(response)
        if found is None:
            raise self.failed("the response is not JSON")
        return found

    def get_for(self, access_token: str, url: str) -> Any:
        """The same about the person of an access token. A failure may be that of this person's token alone."""
        response = self._get(url, {"Authorization": f"Bearer {access_token}"})
        found = _json(response)
        if response.status != HTTPStatus.OK or found is None:
            log.warning("identity provider %s says nothing about a person: status %d", self._id, response.status)
            raise ProviderUnavailable(retry_after=_seconds(self._pause))
        return found

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, Any]:
        """The status and the JSON of the response to a form; None if it is not JSON. Raises `ProviderUnavailable`.

        A status of failure does not stop other requests: what was sent may be the reason, and a stranger may send it.
        """
        request = Request(url, urlencode(form).encode(), {**HEADERS, **headers})  # noqa: S310 - as above
        response = self._send(request)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status == HTTPStatus.TOO_MANY_REQUESTS:
            log.warning("identity provider %s answered with status %d", self._id, response.status)
            raise ProviderUnavailable(retry_after=_seconds(self._pause))
        return response.status, _json(response)

    def failed(self, why: str) -> ProviderUnavailable:
        """Log the failure, and try nothing for a while. Returns the error to raise."""
        log.warning("identity provider %s does not respond as it should: %s", self._id, why)
        self._down, self._next_try = True, time.monotonic() + self._pause
        return ProviderUnavailable(retry_after=_seconds(self._pause))

    def _get(self, url: str, headers: Mapping[str, str]) -> FetchedResponse:
        return self._send(Request(url, headers={**HEADERS, **headers}))  # noqa: S310 - `is_endpoint` accepted the URL

    def _send(self, request: Request) -> FetchedResponse:
        if not self._may_try() or not self._free.acquire(blocking=False):
            raise ProviderUnavailable(retry_after=_seconds(self._pause))
        try:
            response = fetch(request, timeout=self._timeout, most=MOST_BYTES)
        except FetchFailed as error:
            raise self.failed(str(error)) from error
        finally:
            self._free.release()
        self._down = False
        return response

    def _may_try(self) -> bool:
        with self._lock:
            if self._down and time.monotonic() < self._next_try:
                return False
            self._next_try = time.monotonic() + self._pause
            return True


def _json(response: FetchedResponse) -> Any:
    if response.content_type != "application/json" and not response.content_type.endswith("+json"):
        return None
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def _seconds(pause: float) -> int:
    return max(1, round(pause))
