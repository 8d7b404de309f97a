"""One log line per request, and a request id, which the response returns as `X-Request-ID`.

The line contains the URL pattern of the route, not the path or the query, which may contain personal data.
"""

import logging
import os
import re
import time
from typing import Final

from flask import Flask, Request, Response, g
from flask.globals import app_ctx, request_ctx

from app.core import logs
from app.web.client_info import ip_address_of, is_from_trusted_proxy

HEADER: Final = "X-Request-ID"
UNMATCHED: Final = "unmatched"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
log = logging.getLogger(__name__)


def init_requests(app: Flask) -> None:
    """Log every request with an id and its duration. Call this first, so that `_end` runs last."""
    app.before_request(_start)
    app.after_request(_end)
    app.teardown_request(lambda _error: logs.reset())


def route(request: Request) -> str:
    """The URL pattern of the request: a value from a fixed set."""
    return rule.rule if (rule := request.url_rule) else UNMATCHED


def method(request: Request) -> str:
    """The method of the request: a value from a fixed set."""
    return name if (name := request.method) in _METHODS else "other"


def seconds() -> float:
    """The duration of the request so far."""
    now = time.perf_counter()
    return now - float(g.get("started_at", now))


def _start() -> None:
    request_id, values = _trusted_id(request_ctx.request) or os.urandom(16).hex(), app_ctx.g
    values.started_at, values.request_id = time.perf_counter(), request_id
    logs.reset(request_id=request_id)


def _trusted_id(request: Request) -> str | None:
    # Other clients could use it to write into the log, or to give their requests the id of someone else's.
    request_id = request.headers.get(HEADER)
    return request_id if request_id and _ACCEPTABLE.fullmatch(request_id) and is_from_trusted_proxy() else None


def _end(response: Response) -> Response:
    if request_id := g.get("request_id"):
        response.headers[HEADER] = request_id
    if log.isEnabledFor(logging.INFO):
        request = request_ctx.request
        values = (method(request), route(request), response.status_code, round(1e3 * seconds(), 1))
        facts = dict(zip(("method", "route", "status", "ms"), values, strict=True)) | {"address": ip_address_of()}
        logs.info(log, "%s %s %d %s ms", *values, facts=facts)
    return response
