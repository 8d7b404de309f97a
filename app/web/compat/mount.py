"""Registers the compatibility API on the app."""

from typing import Any

from flask import Flask

from app.web.compat.contract import to_compat_error
from app.web.compat.session_api import routes as session_api
from app.web.compat.session_api.auth import Auth, BasicAuth
from app.web.compat.session_api.session_auth import SessionAuth, SessionDBAuth, SessionExpAuth
from app.web.compat.user_service import routes as user_service
from config import Settings

AUTH_TYPES: dict[str, type[Auth]] = {
    "auth": Auth,
    "basic_auth": BasicAuth,
    "session_auth": SessionAuth,
    "session_exp_auth": SessionExpAuth,
    "session_db_auth": SessionDBAuth,
}


def mount_compat(app: Flask, settings: Settings) -> dict[str, Any]:
    """Register both systems. Returns their security schemes for the OpenAPI document."""
    app.extensions["compat"] = guard = AUTH_TYPES[settings.auth_type]()
    app.register_blueprint(user_service.blueprint)
    app.register_blueprint(session_api.blueprint)
    schemes = {
        user_service.SCHEME: _cookie(user_service.COOKIE),
        session_api.SCHEME: {"type": "http", "scheme": "basic"},
    }
    if isinstance(guard, SessionAuth):
        app.register_blueprint(session_api.sessions, name_prefix=session_api.blueprint.name)
        schemes[session_api.SCHEME] = _cookie(settings.session_name)
    app.after_request(to_compat_error)
    return schemes


def _cookie(name: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "cookie", "name": name}
