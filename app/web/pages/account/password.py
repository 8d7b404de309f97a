"""/account/password: change the password, or choose the first one."""

from flask import request
from flask.typing import ResponseReturnValue

from app.core.errors import ServiceError
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.pages.account.frame import account_pages, back_to, recently, show, show_error, signed_in
from app.web.pages.typed import check_length

pages_account_password = account_pages("password", "/password")


@pages_account_password.get("")
@signed_in
@recently()
def open_page(identity: Identity) -> ResponseReturnValue:
    """Show the form."""
    return show(identity, "password")


@pages_account_password.post("")
@CREDENTIAL_ATTEMPTS
@signed_in
def change(identity: Identity) -> ResponseReturnValue:
    """Change the password. All other sessions end."""
    try:
        password = check_length(request.form.get("password", ""))
        auth.password_change.change(identity, None, password, client_info())
    except ServiceError as error:
        return show_error(identity, "password", error)
    return back_to("pages_account_password.open_page", "password_changed")
