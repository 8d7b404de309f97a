"""Pages to reset a forgotten password: request an email, open its link or enter its code, set a new password."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.core.errors import RetryLater, ServiceError
from app.current import auth, settings
from app.domain.tokens.links import LinkInvalid
from app.web import device_cookie
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.pages.emailed_links import LIMIT, NO_LINK, TOKEN_MAX, posted_token, rejected, with_error_pages
from app.web.pages.typed import EMAIL_MAX, check_length, code_in, mailable, well_formed
from app.web.public_url import origin_of

pages_reset_password = with_error_pages(Blueprint("pages_reset_password", __name__, url_prefix="/reset-password"))


@pages_reset_password.get("")
def open_link() -> ResponseReturnValue:
    """Show the page whose script reads the fragment of the link and posts the token. Changes nothing."""
    return render_template("reset_password/open.html")


@pages_reset_password.post("")
@LIMIT
def use_link() -> ResponseReturnValue:
    """Check the link and show the form. If a password is posted with it, consume the link and set the password."""
    token, password = posted_token(), request.form.get("password")
    if not token:
        return rejected("reset_password/open.html", NO_LINK)
    if code := code_in(token):
        return render_template("reset_password/code.html", code=code)
    try:
        if len(token) > TOKEN_MAX:
            raise LinkInvalid
        if password is None:
            return _ask_password(token)
        device_token = auth.password_reset.complete(token, check_length(password), client_info())
    except ServiceError as error:
        return _rejected_link(error, token, password)
    device_cookie.set_cookie(device_token)
    return render_template("reset_password/changed.html", invited=_is_invited())


@pages_reset_password.get("/code")
def ask_code() -> ResponseReturnValue:
    """Show the form for the code, for emails that are read on another device."""
    return render_template("reset_password/code.html")


@pages_reset_password.post("/code")
@CREDENTIAL_ATTEMPTS
def use_code() -> ResponseReturnValue:
    """Set the password by address and code. An address alone is filled into the form."""
    email, code = _posted_email(), request.form.get("code")
    form = {"email": email[:EMAIL_MAX], "code": code_in(code or "") or (code or "")[:40]}
    if code is None:
        return render_template("reset_password/code.html", **form)
    try:
        password = check_length(request.form.get("password", ""))
        device_token = auth.password_reset.complete_with_code(
            mailable(email), well_formed(code), password, client_info()
        )
    except ServiceError as error:
        return rejected("reset_password/code.html", error, **form)
    device_cookie.set_cookie(device_token)
    return render_template("reset_password/changed.html")


@pages_reset_password.get("/request")
def ask_address() -> ResponseReturnValue:
    """Show the form to request an email."""
    return render_template("reset_password/request.html")


@pages_reset_password.post("/request")
@LIMIT
def send_link() -> ResponseReturnValue:
    """Send a new email. The response is the same whether or not the account exists."""
    email = _posted_email()
    try:
        auth.password_reset.request(mailable(email), client_info())
    except ServiceError as error:
        return rejected("reset_password/request.html", error, email=email[:EMAIL_MAX])
    return render_template("reset_password/requested.html", email=email)


def _posted_email() -> str:
    return request.form.get("email", "").strip()


def _ask_password(token: str) -> ResponseReturnValue:
    if not auth.password_reset.check(token):
        return render_template("reset_password/new_password.html", token=token)
    return render_template("reset_password/invited.html", token=token, takes_passkeys=_takes_passkeys())


def _takes_passkeys() -> bool:
    return auth.invitation_answer.takes_passkeys_of(origin_of(settings.public_url))


def _is_invited() -> bool:
    return request.form.get("invited") == "yes"  # by the form of `_ask_password`; decides about words only


def _rejected_link(error: ServiceError, token: str, password: str | None) -> ResponseReturnValue:
    """The page for an error: the form with the token if the link still works, otherwise the page for dead links."""
    if isinstance(error, RetryLater) and password is None:
        raise error
    if isinstance(error, RetryLater) or getattr(error, "field", None) == "password":
        if _is_invited():
            return rejected("reset_password/invited.html", error, token=token, takes_passkeys=_takes_passkeys())
        return rejected("reset_password/new_password.html", error, token=token)
    return rejected("reset_password/dead_link.html", error)
