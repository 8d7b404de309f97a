"""The parts of PUBLIC_URL that requests depend on: its origin, and the path of the service."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def origin_of(public_url: str) -> str:
    """The origin as browsers send it in the Origin header: lower case, without the default port."""
    parts = urlsplit(public_url.lower())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    own_port = parts.port in (None, DEFAULT_PORTS.get(parts.scheme))
    return f"{parts.scheme}://{host}" if own_port else f"{parts.scheme}://{host}:{parts.port}"


def init_public_path(app: Flask, public_url: str) -> None:
    """Serve `app` under the path of PUBLIC_URL, if it has one. Call this after all routes are registered."""
    if path := urlsplit(public_url).path:
        app.wsgi_app = UnderPath(app.wsgi_app, path, strip=not _is_like_a_route(app, path))  # type: ignore[method-assign]


class UnderPath:
    """WSGI middleware that adds `path` to every URL the app builds, and removes it from the path of requests.

    The path comes from a setting and not from a header such as X-Forwarded-Prefix, which any client could send.
    Requests without the path are served too: a proxy may have removed it, and health checks may bypass the proxy.
    """

    def __init__(self, app: WSGIApplication, path: str, *, strip: bool) -> None:
        self._app, self._path, self._strip = app, path, strip

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["SCRIPT_NAME"] = self._path
        path_info = environ.get("PATH_INFO", "")
        if self._strip and f"{path_info}/".startswith(f"{self._path}/"):
            environ["PATH_INFO"] = path_info[len(self._path) :] or "/"
        return self._app(environ, start_response)


def _is_like_a_route(app: Flask, path: str) -> bool:
    """Whether a route starts with the first segment of `path`: then it is unclear whether a proxy removed `path`."""
    first = "/" + path.split("/")[1]
    begins = any(f"{rule.rule}/".startswith(f"{first}/") for rule in app.url_map.iter_rules())
    return begins or app.url_map.bind("").test(first)
