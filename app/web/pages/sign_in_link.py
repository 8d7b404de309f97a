"""The page of the link in a sign-in email. It names the account and asks before it signs in."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.core.errors import RetryLater, ServiceError
from app.current import auth
from app.domain.tokens.links import LinkInvalid
from app.web import cookies
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.pages.emailed_links import NO_LINK, TOKEN_MAX, posted_token, rejected
from app.web.pages.forms import with_forms
from app.web.pages.sign_in_result import ATTEMPT, sign_in

pages_sign_in_link = with_forms(Blueprint("pages_sign_in_link", __name__, url_prefix="/sign-in/link"))


@pages_sign_in_link.get("")
def open_link() -> ResponseReturnValue:
    """Show the page whose script reads the fragment of the link and posts the token. Changes nothing."""
    return render_template("sign_in/open.html", title="Sign in")


@pages_sign_in_link.post("")
@CREDENTIAL_ATTEMPTS
def use_link() -> ResponseReturnValue:
    """Check the link and show its button. When the button is pressed, sign in."""
    token = posted_token()
    if not token:
        return rejected("sign_in/open.html", NO_LINK, title="Sign in")
    if request.form.get("act") == "confirm":
        return sign_in(lambda: auth.email_sign_in.by_link(token, None, client_info(), other_device=True), _dead)
    try:
        if len(token) > TOKEN_MAX:
            raise LinkInvalid
        found = auth.email_sign_in.check(token, cookies.get(ATTEMPT))
    except RetryLater:
        raise
    except ServiceError as error:
        return _dead(error)
    return render_template("sign_in/ask.html", token=token, found=found)


def _dead(error: ServiceError) -> ResponseReturnValue:
    return rejected("sign_in/dead_link.html", error)
