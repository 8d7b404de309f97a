"""The token of a device that signed in before. It lets nobody in: strangers' guesses do not count there."""

from typing import Final

from flask import Response, after_this_request, request

from app.web import cookies

YEAR: Final = 365 * 86_400
BEARER: Final = "bearer "


def device_token() -> str | None:
    """The device token, or the refresh token that an app without cookies sends along when it signs in again."""
    header = request.headers.get("Authorization", "")
    return cookies.get("device") or (header[len(BEARER) :] if header.lower().startswith(BEARER) else None)


def set_cookie(device_token: str) -> None:
    """Leave the device token with this browser, as the account's owner is at it."""

    @after_this_request
    def leave(answer: Response) -> Response:
        cookies.set_cookie(answer, "device", device_token, YEAR)
        return answer
