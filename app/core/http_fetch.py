"""HTTP requests to the hosts that settings name: no redirect is followed, and time and size are limited."""

import time
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

CHUNK: Final = 65_536


class FetchFailed(Exception):
    """No complete response came within the limits. The text says why, without the URL, which may hold a secret."""


@dataclass(frozen=True, slots=True)
class FetchedResponse:
    """A response, also one with the status of an error or of a redirect. `content_type` is without parameters."""

    status: int
    content_type: str
    body: bytes


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: only the configured host may be contacted (ASVS 15.3.2)."""

    def redirect_request(self, *_: Any) -> None:
        """Return None, so that the redirect raises `HTTPError`."""


def _http_only() -> OpenerDirector:
    # `build_opener` would add handlers for file:, ftp: and data:, and some URLs come from other servers.
    opener = OpenerDirector()
    handlers = (HTTPHandler, HTTPSHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler, _NoRedirects, UnknownHandler)
    for handler in (ProxyHandler, *handlers):
        opener.add_handler(handler())
    return opener


_opener = _http_only()


def fetch(request: Request, *, timeout: float, most: int) -> FetchedResponse:
    """The response, if it has at most `most` bytes. Raises `FetchFailed`.

    `timeout`, in seconds, limits the connection, each wait for a byte, and the reading of the body. So the call may
    take a small multiple of it, but does not last as long as a slow host wants.
    """
    deadline = time.monotonic() + timeout
    try:
        with _open(request, timeout) as response:
            body = _read(response, deadline, most)
            return FetchedResponse(response.status, response.headers.get_content_type(), body)
    except (URLError, OSError, HTTPException, ValueError) as error:
        raise FetchFailed(_cause(error)) from error


def _open(request: Request, timeout: float) -> Any:
    try:
        return _opener.open(request, timeout=timeout)
    except HTTPError as response:  # it is a response too
        return response


def _read(response: Any, deadline: float, most: int) -> bytes:
    parts, size = [], 0
    while part := response.read1(CHUNK):
        parts.append(part)
        size += len(part)
        if size > most:
            raise FetchFailed(f"the response has more than {most} bytes")
        if time.monotonic() > deadline:
            raise FetchFailed("the response did not arrive in time")
    return b"".join(parts)


def _cause(error: Exception) -> str:
    # The texts of other errors may quote the URL.
    reason = getattr(error, "reason", error)
    return f"{type(reason).__name__}: {reason}"[:200] if isinstance(reason, OSError) else type(error).__name__
