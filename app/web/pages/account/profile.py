"""/account: names and language."""

from flask import request
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.limits import Limit
from app.web.pages.account.frame import account_pages, back_to, show, show_error, signed_in
from app.web.pages.languages import languages
from app.web.pages.typed import name_in

pages_account_profile = account_pages("profile")


@pages_account_profile.get("")
@signed_in
def open_page(identity: Identity) -> ResponseReturnValue:
    """Show names, language and address."""
    return show(identity, "profile")


@pages_account_profile.post("")
@signed_in
def save(identity: Identity) -> ResponseReturnValue:
    """Change names and language."""
    try:
        changes = {field: name_in(request.form.get(field, ""), field) for field in ("first_name", "last_name")}
        chosen = request.form.get("locale", "")
        if chosen and chosen not in {code for code, _ in languages()} | {identity.owner.locale}:
            raise Invalid("Choose a language of the list.", field="locale")
    except Invalid as error:
        return show_error(identity, "profile", error, typed=request.form)
    auth.profile.update(identity.owner, changes | {"locale": chosen or None})
    return back_to("pages_account_profile.open_page", "saved")


@pages_account_profile.post("/verification")
@Limit("verify_emails")
@signed_in
def send_verification(identity: Identity) -> ResponseReturnValue:
    """Send the email that confirms the address again."""
    auth.email_verification.resend(identity.owner.email, client_info())
    return back_to("pages_account_profile.open_page", "verification_sent")
