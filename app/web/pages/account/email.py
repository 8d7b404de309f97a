"""/account/email: change the address."""

from flask import request
from flask.typing import ResponseReturnValue

from app.core.errors import ServiceError
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.pages.account.frame import account_pages, back_to, recently, show, show_error, signed_in
from app.web.pages.redirects import see_other
from app.web.pages.typed import EMAIL_MAX, mailable, well_formed

pages_account_email = account_pages("email", "/email")


@pages_account_email.get("")
@signed_in
@recently()
def open_page(identity: Identity) -> ResponseReturnValue:
    """Show the address, and the form to change it."""
    return show(identity, "email")


@pages_account_email.post("")
@CREDENTIAL_ATTEMPTS
@signed_in
def request_change(identity: Identity) -> ResponseReturnValue:
    """Send an email with a link and a code to the new address."""
    email = request.form.get("email", "").strip()
    try:
        auth.email_change.request(identity, mailable(email), None, client_info())
    except ServiceError as error:
        return show_error(identity, "email", error, email=email[:EMAIL_MAX])
    return see_other(f"{request.script_root}/account/email/code")


@pages_account_email.get("/code")
@signed_in
def ask_code(identity: Identity) -> ResponseReturnValue:
    """Show the form for the code in that email."""
    return show(identity, "email", "email_code")


@pages_account_email.post("/code")
@CREDENTIAL_ATTEMPTS
@signed_in
def use_code(identity: Identity) -> ResponseReturnValue:
    """Change the address by the code, in the session that asked for it."""
    typed = request.form.get("code", "")
    try:
        auth.email_change.confirm_with_code(identity, well_formed(typed), client_info())
    except ServiceError as error:
        return show_error(identity, "email", error, template="email_code", code=typed[:40])
    return back_to("pages_account_profile.open_page", "email_changed")
