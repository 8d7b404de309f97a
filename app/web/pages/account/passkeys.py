"""/account/passkeys: list, name and remove passkeys. A script adds them over the API."""

from flask import request
from flask.typing import ResponseReturnValue

from app.core.errors import ServiceError
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.pages.account.frame import account_pages, back_to, recently, show, show_error, signed_in
from app.web.pages.typed import FACTOR_NAME_MAX, name_in

pages_account_passkeys = account_pages("passkeys", "/passkeys")
HERE = "pages_account_passkeys.open_page"


@pages_account_passkeys.get("")
@signed_in
@recently()
def open_page(identity: Identity) -> ResponseReturnValue:
    """Show the passkeys."""
    return show(identity, "passkeys", found=auth.passkeys.all(identity))


@pages_account_passkeys.post("/<int:passkey_id>/name")
@signed_in
def rename(identity: Identity, passkey_id: int) -> ResponseReturnValue:
    """Name a passkey."""
    try:
        name = name_in(request.form.get("name", ""), "name", FACTOR_NAME_MAX)
        if name is not None:
            auth.passkeys.rename(identity, passkey_id, name)
    except ServiceError as error:
        return show_error(identity, "passkeys", error, found=auth.passkeys.all(identity))
    return back_to(HERE, "saved")


@pages_account_passkeys.post("/<int:passkey_id>/remove")
@signed_in
def remove(identity: Identity, passkey_id: int) -> ResponseReturnValue:
    """Remove a passkey. All other sessions end."""
    try:
        auth.passkeys.remove(identity, passkey_id, client_info())
    except ServiceError as error:
        return show_error(identity, "passkeys", error, found=auth.passkeys.all(identity))
    return back_to(HERE, "removed")
