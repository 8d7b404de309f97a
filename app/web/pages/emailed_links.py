"""What all pages of emailed links share: the token that was posted, and refusals and mistakes as pages."""

import logging
from http import HTTPStatus

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.core.errors import Invalid, RetryLater, ServiceError
from app.web.errors import status_of
from app.web.limits import Limit, to_error

TOKEN_MAX = 2_000
LIMIT = Limit("20 per minute")
NO_LINK = Invalid("Paste the link from your email first.")

log = logging.getLogger(__name__)


def posted_token() -> str:
    """The token that was posted, or nothing."""
    return token_in(request.form.get("token", ""))


def token_in(pasted: str) -> str:
    """The token in what was pasted: a bare token or a whole link, also one that a mail program broke into lines."""
    return "".join(pasted.split()).rpartition("token=")[2].partition("&")[0].strip("<>\"'")


def rejected(template: str, error: ServiceError, **context: object) -> ResponseReturnValue:
    """A page that says why not, with the status that belongs to it."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, RetryLater) else {}
    return render_template(template, error=error, **context), status_of(type(error)), headers


def error_page(error: Exception) -> ResponseReturnValue:
    """Whatever went wrong, as a page. A link that may work later comes along in a form."""
    if isinstance(error, RateLimitExceeded):
        error = to_error(error)
    if isinstance(error, ServiceError):
        return rejected("confirmation/trouble.html", error, token=_token_kept())
    if isinstance(error, RequestEntityTooLarge):
        return render_template("confirmation/trouble.html", message="That was far more text than this form takes."), 413
    if isinstance(error, HTTPException) and error.code and error.code < 500:
        return render_template("confirmation/trouble.html", message=error.description), error.code
    log.error("unexpected error", exc_info=error)
    return render_template("confirmation/trouble.html", ours=True), HTTPStatus.INTERNAL_SERVER_ERROR


def _token_kept() -> str:
    try:
        return posted_token()
    except HTTPException:  # a limit is met before the body is read, which may be too large as well
        return ""


def with_error_pages(blueprint: Blueprint) -> Blueprint:
    """Have whatever goes wrong under these pages answered by a page."""
    blueprint.register_error_handler(Exception, error_page)
    return blueprint
