"""CORS: which pages of other origins may call the API, and with which headers."""

import logging
import re
from typing import Final

from flask import Flask, Response, request
from flask_cors import CORS

from app.web.public_url import origin_of
from config import ORIGIN, Settings

# Headers of the API, and those that HTTP clients and tracing libraries of browsers add by themselves.
REQUEST_HEADERS: Final = (
    "Authorization", "Content-Type", "Idempotency-Key", "X-CSRF-Token",
    "X-Requested-With", "traceparent", "tracestate", "baggage", "sentry-trace",
)  # fmt: skip
RESPONSE_HEADERS: Final = ("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID")
MOST_REPORTED: Final = 100
log = logging.getLogger(__name__)


def init_cors(app: Flask, settings: Settings) -> None:
    """Let the pages of CORS_ORIGINS call the API. In development, log which origin is missing in it."""
    CORS(
        app,
        origins=[_literally(origin) for origin in settings.cors_origins],
        supports_credentials=True,
        max_age=600,
        allow_private_network=False,
        allow_headers=[*REQUEST_HEADERS, *settings.cors_headers],
        expose_headers=list(RESPONSE_HEADERS),
    )
    _skip_without_origin(app)
    if settings.development:
        _report_refused(app, settings)


def is_listed(origin: str | None, settings: Settings) -> bool:
    """Whether CORS_ORIGINS has the origin, in any case: ids of extensions may have capitals."""
    return origin is not None and origin.lower() in {listed.lower() for listed in settings.cors_origins}


def hint_for(origin: str | None, settings: Settings) -> str:
    """The setting that allows the origin, in development: with the value, if that is safe to repeat."""
    if settings.development and origin and ORIGIN.fullmatch(origin):
        return f"To allow it, set CORS_ORIGINS={','.join([*settings.cors_origins, origin])}"
    return "Add it to CORS_ORIGINS."


def _literally(origin: str) -> str:
    # flask-cors takes a text with brackets, as in http://[::1]:3000, for a pattern, and would match its beginning.
    return rf"{re.escape(origin)}\Z" if "[" in origin else origin


def _skip_without_origin(app: Flask) -> None:
    # flask-cors evaluates its options at each request, a tenth of the time of a simple one. Apps send no Origin.
    add_headers = app.after_request_funcs[None].pop()

    @app.after_request
    def add_headers_for_origin(response: Response) -> Response:
        return add_headers(response) if "Origin" in request.headers else response  # type: ignore[return-value]


def _report_refused(app: Flask, settings: Settings) -> None:
    reported: set[str] = set()

    @app.after_request
    def report(response: Response) -> Response:
        origin = request.headers.get("Origin", "")
        is_new = origin not in reported and len(reported) < MOST_REPORTED
        if is_new and ORIGIN.fullmatch(origin) and not _is_own(origin, settings) and not is_listed(origin, settings):
            reported.add(origin)
            log.warning("browsers hide responses from pages of %s. %s", origin, hint_for(origin, settings))
        return response


def _is_own(origin: str, settings: Settings) -> bool:
    """Whether the origin is that of this service, under the host of PUBLIC_URL or the one that this request names."""
    return origin == origin_of(settings.public_url) or origin.partition("://")[2] == request.headers.get("Host")
