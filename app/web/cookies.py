"""Our cookies: out of reach of scripts, other hosts and other sites, unless said otherwise."""

from urllib.parse import urlsplit

from flask import Response, request

from app.current import settings


def get(word: str) -> str | None:
    """The cookie's value in this request."""
    return request.cookies.get(name_of(word)) if "Cookie" in request.headers else None


def set_cookie(answer: Response, word: str, value: str, seconds: int, *, script_may_read: bool = False) -> None:
    """Leave a cookie with the browser for so long."""
    answer.set_cookie(
        name_of(word),
        value,
        max_age=seconds,
        path=_path(),
        secure=_secure(),
        httponly=not script_may_read,
        samesite="Lax",
    )


def delete(answer: Response, word: str) -> None:
    """Have the browser forget a cookie."""
    answer.delete_cookie(name_of(word), path=_path(), secure=_secure(), httponly=True, samesite="Lax")


def name_of(word: str) -> str:
    """The cookie's whole name."""
    # `__Host-` makes a browser insist on Secure, this host and the root path; over plain HTTP it would keep none.
    # Under a path of a shared host it cannot be had: its other services would be sent our tokens.
    if not _secure():
        return f"latchkey_{word}"
    return f"__Secure-latchkey_{word}" if _path() != "/" else f"__Host-latchkey_{word}"


def _path() -> str:
    return urlsplit(settings.public_url).path or "/"


def _secure() -> bool:
    return settings.public_url.startswith("https://")
