"""Shared by all pages of emailed links: reading the posted token, and error pages."""

import logging
from http import HTTPStatus

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.core.errors import Invalid, RetryLater, ServiceError
from app.web.errors import status_of
from app.web.limits import Limit, to_error

TOKEN_MAX = 2_000
LIMIT = Limit("links")
NO_LINK = Invalid("Paste the link from your email.")

log = logging.getLogger(__name__)


def posted_token() -> str:
    """The posted token; an empty string if there is none."""
    return token_in(request.form.get("token", ""))


def token_in(pasted: str) -> str:
    """The token in the pasted text: a token or a whole link, even if a mail program has wrapped it."""
    return "".join(pasted.split()).rpartition("token=")[2].partition("&")[0].strip("<>\"'")


def rejected(template: str, error: ServiceError, **context: object) -> ResponseReturnValue:
    """A page that shows the error, with its status."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, RetryLater) else {}
    return render_template(template, error=error, **context), status_of(type(error)), headers


def error_page(error: Exception) -> ResponseReturnValue:
    """An error page. The token stays in a form, so that a link that still works can be tried again."""
    if isinstance(error, RateLimitExceeded):
        error = to_error(error)
    if isinstance(error, ServiceError):
        return rejected("confirmation/trouble.html", error, token=_token_to_keep())
    if isinstance(error, RequestEntityTooLarge):
        return render_template("confirmation/trouble.html", message="The text is too long for this form."), 413
    if isinstance(error, HTTPException) and error.code and error.code < 500:
        return render_template("confirmation/trouble.html", message=error.description), error.code
    log.error("unexpected error", exc_info=error)
    return (
        render_template("confirmation/trouble.html", unexpected=True, request_id=g.get("request_id")),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def _token_to_keep() -> str:
    try:
        return posted_token()
    except HTTPException:  # after a rate limit the body has not been read yet, and it may be too large
        return ""


def with_error_pages(blueprint: Blueprint) -> Blueprint:
    """Make the blueprint answer all errors with pages."""
    blueprint.register_error_handler(Exception, error_page)
    return blueprint
