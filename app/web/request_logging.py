"""One line in the log for each request, and a name for it that the answer carries: `X-Request-ID`.

The line has the route's pattern, never the path or the query, in which people put what is nobody's business.
"""

import logging
import re
import time
import uuid
from typing import Final

from flask import Flask, Response, g, request

from app.core import logs
from app.web.client_info import ip_address_of, is_from_trusted_proxy

HEADER: Final = "X-Request-ID"
UNMATCHED: Final = "unmatched"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
log = logging.getLogger(__name__)


def init_requests(app: Flask) -> None:
    """Name, time and log every request. To be called first: what is registered first sees the answer last."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(lambda _error: logs.reset())


def route() -> str:
    """The pattern that the request's path fits, so one of a fixed number of texts."""
    return request.url_rule.rule if request.url_rule else UNMATCHED


def method() -> str:
    """The request's method, so one of a fixed number of texts."""
    return request.method if request.method in _METHODS else "other"


def seconds() -> float:
    """How long the request has taken so far."""
    return time.perf_counter() - float(g.get("began", time.perf_counter()))


def _begin() -> None:
    g.began, g.request_id = time.perf_counter(), _given_id() or uuid.uuid4().hex
    logs.reset(request_id=g.request_id)


def _given_id() -> str | None:
    # From anyone else it would be a way to write into our log, or to hide behind another's requests.
    given = request.headers.get(HEADER)
    return given if given and _ACCEPTABLE.fullmatch(given) and is_from_trusted_proxy() else None


def _end(response: Response) -> Response:
    if "request_id" in g:
        response.headers[HEADER] = g.request_id
    if log.isEnabledFor(logging.INFO):
        what = (method(), route(), response.status_code, round(1e3 * seconds(), 1))
        facts = dict(zip(("method", "route", "status", "ms"), what, strict=True)) | {"address": ip_address_of()}
        log.info("%s %s %d %s ms", *what, extra={"facts": facts})
    return response
