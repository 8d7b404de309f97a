"""Registers everything that is reachable over HTTP."""

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Request
from flask.sessions import SessionInterface

from app.web.api import (
    account,
    activity,
    app_sign_in,
    associated_apps,
    email,
    email_sign_in,
    factors,
    identities,
    invitation,
    passkey_sign_in,
    passkeys,
    password_change,
    password_reset,
    providers,
    second_factor,
    sessions,
    sign_in,
    well_known,
)
from app.web.api.admin import claims as admin_claims
from app.web.api.admin import figures as admin_figures
from app.web.api.admin import invitations as admin_invitations
from app.web.api.admin import operations as admin_service
from app.web.api.admin import sessions as admin_sessions
from app.web.api.admin import users as admin_users
from app.web.bodies import MAX_BODY
from app.web.client_script import pages_client
from app.web.compat.mount import mount_compat
from app.web.cors import init_cors
from app.web.docs import init_docs
from app.web.errors import init_errors
from app.web.headers import init_headers
from app.web.limits import init_limits
from app.web.metrics import init_metrics
from app.web.openapi import document
from app.web.pages.errors import init_error_pages
from app.web.pages.setup import init_pages
from app.web.public_url import init_public_path
from app.web.request_logging import init_requests
from app.web.trusted_hosts import init_hosts
from config import Settings

VERSION: Final = "0.2.0"


class NoSessions(SessionInterface):
    """Disables Flask's own sessions. They are not used, and opening them took 1/15 of the time of a request."""

    def open_session(self, app: Flask, request: Request) -> None:
        """Return None: writing to `flask.session` then raises an error."""


API = (
    sign_in,
    passkey_sign_in,
    invitation,
    second_factor,
    email_sign_in,
    providers,
    app_sign_in,
    account,
    factors,
    passkeys,
    identities,
    activity,
    sessions,
    email,
    password_change,
    password_reset,
    well_known,
    associated_apps,
)


def init_web(app: Flask, settings: Settings) -> None:
    """Register all routes, error handlers, headers and pages."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.session_interface = NoSessions()
    # Werkzeug would redirect URLs with a missing or extra slash to the scheme and host of the request.
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    init_requests(app)
    if settings.metrics == "on":
        init_metrics(app, token=settings.metrics_token)
    init_errors(app)
    init_hosts(app, settings)
    init_limits(app, enabled=settings.ratelimit_enabled, redis_url=settings.redis_url)
    init_headers(app, production=settings.production)
    init_cors(app, settings)
    # Before the pages, so that its `GET /` takes precedence over the home page.
    schemes = mount_compat(app, settings) if settings.compat_api else {}
    for module in API:
        app.register_blueprint(module.blueprint)
    for module in (admin_users, admin_claims, admin_invitations, admin_sessions, admin_figures, admin_service):
        app.register_blueprint(module.blueprint)
    app.register_blueprint(pages_client)
    init_pages(app, settings)
    server = urlsplit(settings.public_url).path or "/"
    init_docs(app, document(app, version=VERSION, server=server, schemes=schemes))
    init_error_pages(app)
    init_public_path(app, settings.public_url)
