"""Cookies: HttpOnly, SameSite=Lax and bound to this host by default."""

from urllib.parse import urlsplit

from flask import Response, request

from app.current import settings


def get(name: str) -> str | None:
    """The value of the cookie in this request."""
    return request.cookies.get(name_of(name)) if "Cookie" in request.headers else None


def set_cookie(answer: Response, name: str, value: str, seconds: int, *, readable_by_scripts: bool = False) -> None:
    """Set a cookie for this many seconds."""
    answer.set_cookie(
        name_of(name),
        value,
        max_age=seconds,
        path=_path(),
        secure=_secure(),
        httponly=not readable_by_scripts,
        samesite="Lax",
    )


def delete(answer: Response, name: str) -> None:
    """Delete a cookie."""
    answer.delete_cookie(name_of(name), path=_path(), secure=_secure(), httponly=True, samesite="Lax")


def name_of(name: str) -> str:
    """The full name of the cookie, with its prefix."""
    # Browsers accept `__Host-` only over HTTPS, without a domain and with the root path. With a path in PUBLIC_URL the
    # cookies are limited to that path, or other services on the host would receive the tokens; that excludes `__Host-`.
    if not _secure():
        return f"latchkey_{name}"
    return f"__Secure-latchkey_{name}" if _path() != "/" else f"__Host-latchkey_{name}"


def _path() -> str:
    return urlsplit(settings.public_url).path or "/"


def _secure() -> bool:
    return settings.public_url.startswith("https://")
