"""Where a sign-in on our pages leads to: one of our own pages, or the app that opened the page."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from flask import Response, request, url_for

from app.core.errors import Invalid
from app.current import auth
from app.web import cookies
from app.web.pages.redirects import own_path

COOKIE: Final = "sign_in_return"
SECONDS: Final = 3_600
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
STATE: Final = re.compile(r"[ -~]{1,500}")
MEMBERS: Final = ("redirect_to", "code_challenge", "state")


@dataclass(frozen=True, slots=True)
class Return:
    """A page of ours, or the URL of an app with its PKCE challenge and state."""

    redirect_to: str
    code_challenge: str | None = None
    state: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is a page of ours."""
        return self.code_challenge is None


def asked_return() -> Return | None:
    """What the query of this request asks for; None if it asks for nothing. Raises `Invalid`."""
    asked = {name: request.args[name] for name in MEMBERS if name in request.args}
    return _checked(asked) if "redirect_to" in asked else None


def kept_return() -> Return | None:
    """What the sign-in in this browser began with. The cookie is not trusted: it is checked like a query."""
    kept = cookies.get(COOKIE)
    try:
        return _checked(dict(parse_qsl(kept))) if kept else None
    except Invalid:
        return None


def keep(answer: Response, wanted: Return | None) -> Response:
    """Keep it until the sign-in is done. None: forget what an earlier one has kept."""
    if wanted is None:
        cookies.delete(answer, COOKIE, same_site="Lax")
        return answer
    members = {name: value for name in MEMBERS if (value := getattr(wanted, name)) is not None}
    cookies.set_cookie(answer, COOKIE, urlencode(members), SECONDS, same_site="Lax")
    return answer


def sign_in_again() -> str:
    """The URL of the sign-in page that keeps where it leads to."""
    wanted = kept_return()
    return url_for("pages_sign_in.choose", **({name: getattr(wanted, name) for name in MEMBERS} if wanted else {}))


def _checked(asked: dict[str, str]) -> Return:
    redirect_to, challenge, state = asked.get("redirect_to", ""), asked.get("code_challenge"), asked.get("state")
    if (path := own_path(redirect_to)) is not None:
        return Return(path)
    auth.app_sign_in.check(redirect_to)
    if challenge is None or not CHALLENGE.fullmatch(challenge):
        raise Invalid("The app must send a code_challenge: the SHA-256 of its code_verifier in base64url.")
    if state is not None and not STATE.fullmatch(state):
        raise Invalid("The state of the app must have 1 to 500 printable ASCII characters.")
    return Return(redirect_to, challenge, state)
