"""The mark of a device that signed in before. It lets nobody in: it keeps strangers' guesses from counting there."""

from typing import Final

from flask import Response, after_this_request, request

from app.web import cookies
from app.web.door import auth

YEAR: Final = 365 * 86_400
BEARER: Final = "bearer "


def proof() -> str | None:
    """The mark, or the refresh token that an app without cookies sends along when it signs in again."""
    header = request.headers.get("Authorization", "")
    return cookies.given("device") or (header[len(BEARER) :] if header.lower().startswith(BEARER) else None)


def remember(account_id: str) -> None:
    """Leave the mark with this browser, as the account's owner is at it."""
    mark = auth.sign_in.device_mark(account_id)

    @after_this_request
    def leave(answer: Response) -> Response:
        cookies.put(answer, "device", mark, YEAR)
        return answer
