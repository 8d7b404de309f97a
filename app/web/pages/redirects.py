"""Redirects of the pages, and paths that may come from a form or a query."""

from typing import cast
from urllib.parse import urlsplit

from flask import Response, redirect, request, url_for


def see_other(url: str) -> Response:
    """A redirect that the browser follows with GET."""
    return cast(Response, redirect(url, 303))


def own_path(url: str | None) -> str | None:
    """The URL if it is a path of this service to which a form may lead; else None."""
    # Browsers take `//host` and `/\\host` for another host, and remove control characters before they look.
    if not url or not url.startswith("/") or url[1:2] in ("/", "\\") or any(char <= " " for char in url):
        return None
    parts = urlsplit(url)
    return url if not parts.scheme and not parts.netloc else None


def path_here() -> str:
    """The path of this request, for a link that comes back to it."""
    return request.script_root + request.path


def sign_in_url() -> str:
    """The sign-in page, which leads back to this one."""
    return url_for("pages_sign_in.choose", redirect_to=path_here())
