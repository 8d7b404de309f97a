"""Errors as HTTP responses: the only place that maps error classes to a status. Bodies follow RFC 9457."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, g, json
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from app.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    RetryLater,
    ServiceError,
    Unauthenticated,
    Unavailable,
)
from app.domain.tokens.jwt_tokens import InvalidToken
from app.web.input_errors import input_error
from app.web.limits import to_error

log = logging.getLogger(__name__)

STATUS: Mapping[type[ServiceError], HTTPStatus] = {
    Invalid: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
# Used instead of the default texts of Werkzeug, which are written for people at a browser.
DETAILS: Mapping[int, str] = {
    400: "The request is malformed.",
    404: "No route matches this path.",
    405: "This route does not support this method. The Allow header lists the supported methods.",
    408: "The request did not arrive in time.",
    413: "The body is larger than 64 KiB.",
    414: "The URL is too long.",
    431: "The headers are too long.",
}
INTERNAL_ERROR = "Internal error. It has been logged. Quote the request id when you report it."
# RFC 9110 renamed these. Python does so from version 3.13 on; a code must not depend on the Python version.
RENAMED: Mapping[int, str] = {413: "Content Too Large", 414: "URI Too Long"}


class InvalidBody(Invalid):
    """The body or the query does not match its schema."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__()
        self.errors = errors


def status_of(error: type[ServiceError]) -> HTTPStatus:
    """The status of the response to this error."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def title_of(status: HTTPStatus) -> str:
    """The reason phrase of the status."""
    return RENAMED.get(status.value, status.phrase)


def init_errors(app: Flask) -> None:
    """Answer service errors, HTTP errors and unexpected exceptions with problem documents."""
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(RateLimitExceeded, lambda exceeded: _service_error(to_error(exceeded)))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)
    jwt = app.extensions["flask-jwt-extended"]
    # For routes of a host application that use flask-jwt-extended's own decorators.
    for loader in (jwt.invalid_token_loader, jwt.unauthorized_loader):
        loader(lambda _reason, name=loader.__name__: _bearer_problem(presented=name == "invalid_token_loader"))
    for loader in (
        jwt.expired_token_loader,
        jwt.revoked_token_loader,
        jwt.needs_fresh_token_loader,
        jwt.user_lookup_error_loader,
        jwt.token_verification_failed_loader,
    ):
        loader(lambda _header, _payload: _bearer_problem(presented=True))


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    request_id: str | None = None,
    members: Mapping[str, object] = MappingProxyType({}),
) -> Response:
    """A problem document as a response (RFC 9457)."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title_of(status),
        "status": status.value,
        "detail": detail,
        "code": code,
        **members,
    }
    if errors:
        body["errors"] = errors
    if request_id:
        body["request_id"] = request_id
    return Response(json.dumps(body, separators=(",", ":")), status.value, mimetype="application/problem+json")


def _service_error(error: ServiceError) -> Response:
    errors = getattr(error, "errors", None)
    if isinstance(error, Invalid) and error.field:
        errors = [input_error(error.field, error.code, error.message)]
    answer = problem(status_of(type(error)), error.code, error.message, errors, members=error.members())
    if isinstance(error, Unauthenticated):
        answer.headers["WWW-Authenticate"] = _www_authenticate(presented=isinstance(error, InvalidToken))
    if isinstance(error, RetryLater):
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unavailable):
        log.warning("returned 503 %s, caused by %s", error.code, type(error.__cause__).__name__)
    return answer


def _www_authenticate(*, presented: bool) -> str:
    return 'Bearer realm="latchkey", error="invalid_token"' if presented else 'Bearer realm="latchkey"'


def _bearer_problem(*, presented: bool) -> Response:
    code, detail = (
        (InvalidToken.code, "The token is invalid.") if presented else (Unauthenticated.code, Unauthenticated.detail)
    )
    answer = problem(HTTPStatus.UNAUTHORIZED, code, detail)
    answer.headers["WWW-Authenticate"] = _www_authenticate(presented=presented)
    return answer


def _http_error(error: HTTPException) -> Response:
    response = error.get_response()
    if error.code is None or error.code < 400:
        return response  # type: ignore[return-value]
    status = HTTPStatus(error.code)
    code = title_of(status).lower().replace(" ", "_")
    description = error.description if error.description != type(error).description else None
    answer = problem(status, code, description or DETAILS.get(status.value, f"{title_of(status)}."))
    for name in ("Allow", "Retry-After"):
        if name in response.headers:
            answer.headers[name] = response.headers[name]
    return answer


def _unexpected_error(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", INTERNAL_ERROR, request_id=g.get("request_id"))
