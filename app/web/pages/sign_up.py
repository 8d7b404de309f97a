"""Page to create an account with a password."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.core.errors import RetryLater, ServiceError
from app.current import auth, settings
from app.flows.steps.require_second_factor import SecondFactorRequired
from app.web.client_info import client_info
from app.web.limits import Limit
from app.web.pages.emailed_links import rejected
from app.web.pages.forms import with_forms
from app.web.pages.sign_in_result import enter, second_step
from app.web.pages.typed import EMAIL_MAX, check_length, mailable
from app.web.transports import cookie

pages_sign_up = with_forms(Blueprint("pages_sign_up", __name__, url_prefix="/sign-up"))


@pages_sign_up.get("")
def ask() -> ResponseReturnValue:
    """Show the form, or say that strangers cannot sign up."""
    return render_template("sign_up/form.html", **_context())


@pages_sign_up.post("")
@Limit("sign_up")
def sign_up() -> ResponseReturnValue:
    """Create the account and sign in; or ask to read the email, where the address must be confirmed first."""
    cookie.reject_cross_site()
    email = request.form.get("email", "").strip()
    try:
        password = check_length(request.form.get("password", ""))
        tokens = auth.registration.sign_up(mailable(email), password, client_info())
    except SecondFactorRequired as required:
        return second_step(required)
    except RetryLater:
        raise
    except ServiceError as error:
        return rejected("sign_up/form.html", error, email=email[:EMAIL_MAX], **_context())
    return render_template("sign_up/confirm_first.html", email=email) if tokens is None else enter(tokens)


def _context() -> dict[str, object]:
    return {"is_open": settings.sign_up == "open", "providers": auth.provider_sign_in.all()}
