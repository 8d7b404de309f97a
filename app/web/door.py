"""The door as routes see it: this app's `Auth`."""

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from app.auth import Auth


def _of_this_app() -> Auth:
    return cast(Auth, current_app.extensions["latchkey"])


auth = cast(Auth, LocalProxy(_of_this_app))
