"""The current app's facade and settings, for routes and commands; like Flask's `current_app`."""

from typing import Final, cast

from flask import Flask
from flask.globals import app_ctx
from werkzeug.local import LocalProxy

from app.auth import Auth
from config import Settings

_AUTH: Final = "latchkey"
_SETTINGS: Final = "latchkey_settings"


def install(app: Flask, auth: Auth, settings: Settings) -> None:
    """Make both reachable from this app, and the settings from its templates too."""
    app.extensions |= {_AUTH: auth, _SETTINGS: settings}
    app.jinja_env.globals["settings"] = settings


def auth_of(app: Flask) -> Auth:
    """The facade of an app."""
    return cast(Auth, app.extensions[_AUTH])


def settings_of(app: Flask) -> Settings:
    """The settings of an app."""
    return cast(Settings, app.extensions[_SETTINGS])


auth = cast(Auth, LocalProxy(lambda: app_ctx.app.extensions[_AUTH]))
settings = cast(Settings, LocalProxy(lambda: app_ctx.app.extensions[_SETTINGS]))
