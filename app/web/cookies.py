"""Cookies: HttpOnly, SameSite=Lax and bound to this host, unless the settings say otherwise."""

from typing import Final, Literal
from urllib.parse import urlsplit

from flask import Response, request

from app.current import settings

SameSite = Literal["Lax", "Strict"]
SHARED: Final = ("access", "refresh", "csrf")  # with other hosts, if COOKIE_DOMAIN is set


def get(name: str) -> str | None:
    """The value of the cookie in this request."""
    return request.cookies.get(name_of(name)) if "Cookie" in request.headers else None


def set_cookie(
    answer: Response,
    name: str,
    value: str,
    seconds: int,
    *,
    readable_by_scripts: bool = False,
    same_site: SameSite | None = None,
) -> None:
    """Set a cookie for this many seconds. `same_site` is by default COOKIE_SAMESITE."""
    answer.set_cookie(
        name_of(name),
        value,
        max_age=seconds,
        path=_path(),
        domain=_domain(name),
        secure=_secure(),
        httponly=not readable_by_scripts,
        samesite=same_site or settings.cookie_samesite.capitalize(),
        partitioned=_partitioned(same_site),
    )


def delete(answer: Response, name: str, *, same_site: SameSite | None = None) -> None:
    """Delete a cookie that was set with the same `same_site`."""
    answer.delete_cookie(
        name_of(name),
        path=_path(),
        domain=_domain(name),
        secure=_secure(),
        httponly=True,
        samesite=same_site or settings.cookie_samesite.capitalize(),
        partitioned=_partitioned(same_site),
    )


def name_of(name: str) -> str:
    """The full name of the cookie, with its prefix."""
    # Browsers accept `__Host-` only over HTTPS, without a domain and with the root path. With a path in PUBLIC_URL the
    # cookies are limited to that path, or other services on the host would receive the tokens; that excludes `__Host-`.
    if not _secure():
        return f"latchkey_{name}"
    is_for_this_host = _path() == "/" and _domain(name) is None
    return f"__Host-latchkey_{name}" if is_for_this_host else f"__Secure-latchkey_{name}"


def _domain(name: str) -> str | None:
    return settings.cookie_domain if settings.cookie_domain and name in SHARED else None


def _path() -> str:
    return urlsplit(settings.public_url).path or "/"


def _partitioned(same_site: SameSite | None) -> bool:
    # Browsers that block cookies of other sites accept those that are kept apart for each site (CHIPS).
    return same_site is None and settings.cookie_samesite == "none"


def _secure() -> bool:
    return settings.public_url.startswith("https://")
