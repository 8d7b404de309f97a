"""/account/data: download all data of the account, or delete it."""

from flask import Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid, ServiceError
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.pages.account.frame import account_pages, recently, show, show_error, signed_in
from app.web.pages.languages import translate
from app.web.transports import cookie

pages_account_data = account_pages("data", "/data")


@pages_account_data.get("")
@signed_in
@recently()
def open_page(identity: Identity) -> ResponseReturnValue:
    """Show what can be done."""
    return show(identity, "data")


@pages_account_data.get("/export")
@signed_in
@recently()
def download(identity: Identity) -> ResponseReturnValue:
    """All data of the account as a JSON file."""
    answer: Response = jsonify(auth.export.of(identity.owner))
    answer.headers["Content-Disposition"] = 'attachment; filename="account.json"'
    return answer


@pages_account_data.post("/delete")
@CREDENTIAL_ATTEMPTS
@signed_in
def delete(identity: Identity) -> ResponseReturnValue:
    """Schedule the deletion of the account, whose address was typed to confirm it. All sessions end."""
    try:
        if request.form.get("email", "").strip().casefold() != identity.owner.email.casefold():
            raise Invalid(translate("Type the email address of the account to confirm."), field="email")
        auth.account_deletion.request(identity, None, client_info())
    except ServiceError as error:
        return show_error(identity, "data", error)
    return cookie.clear(Response(render_template("account/deleted.html")))
