"""The cookie with the device token. It does not authenticate: it exempts a trusted device from others' limits."""

from typing import Final

from flask import Response, after_this_request, request

from app.web import cookies

YEAR: Final = 365 * 86_400
BEARER: Final = "bearer "


def device_token() -> str | None:
    """The device token, or the refresh token that an app without cookies sends when it signs in again."""
    header = request.headers.get("Authorization", "")
    return cookies.get("device") or (header[len(BEARER) :] if header.lower().startswith(BEARER) else None)


def set_cookie(device_token: str) -> None:
    """Set the device token, after the account's owner has authenticated in this browser."""

    @after_this_request
    def add_cookie(answer: Response) -> Response:
        cookies.set_cookie(answer, "device", device_token, YEAR)
        return answer
