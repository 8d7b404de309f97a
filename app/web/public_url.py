"""What PUBLIC_URL means for requests: the origin that browsers name, and the path that the service is reached under."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def origin_of(public_url: str) -> str:
    """Its origin as a browser writes it in the Origin header: in lower case, without the scheme's own port."""
    parts = urlsplit(public_url.lower())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    own_port = parts.port in (None, DEFAULT_PORTS.get(parts.scheme))
    return f"{parts.scheme}://{host}" if own_port else f"{parts.scheme}://{host}:{parts.port}"


def init_public_path(app: Flask, public_url: str) -> None:
    """Serve `app` under the path of its PUBLIC_URL, if it has one. To be called after every route is registered."""
    if path := urlsplit(public_url).path:
        app.wsgi_app = UnderPath(app.wsgi_app, path, strip=not _is_like_a_route(app, path))  # type: ignore[method-assign]


class UnderPath:
    """WSGI middleware that makes every URL that the app builds begin with `path`, and takes `path` off requests.

    The path comes from a setting and never from a header such as X-Forwarded-Prefix, which a stranger could send. A
    proxy in front may have taken it off already, as health checks that come past the proxy never had it.
    """

    def __init__(self, app: WSGIApplication, path: str, *, strip: bool) -> None:
        self._app, self._path, self._strip = app, path, strip

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["SCRIPT_NAME"] = self._path
        asked = environ.get("PATH_INFO", "")
        if self._strip and f"{asked}/".startswith(f"{self._path}/"):
            environ["PATH_INFO"] = asked[len(self._path) :] or "/"
        return self._app(environ, start_response)


def _is_like_a_route(app: Flask, path: str) -> bool:
    """Whether a route begins with the first part of `path`: then nobody can tell whether a proxy took `path` off."""
    first = "/" + path.split("/")[1]
    begins = any(f"{rule.rule}/".startswith(f"{first}/") for rule in app.url_map.iter_rules())
    return begins or app.url_map.bind("").test(first)
