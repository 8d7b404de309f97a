"""/account/second-factor: authenticator apps and recovery codes."""

from flask import request
from flask.typing import ResponseReturnValue

from app.core.errors import ServiceError
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.pages.account.frame import account_pages, back_to, recently, show, show_error, signed_in
from app.web.pages.typed import FACTOR_NAME_MAX, name_in, totp_code_in

pages_account_second_factor = account_pages("second_factor", "/second-factor")
HERE = "pages_account_second_factor.open_page"


@pages_account_second_factor.get("")
@signed_in
@recently(first_factor=True)
def open_page(identity: Identity) -> ResponseReturnValue:
    """Show the authenticator apps."""
    return show(identity, "second_factor", found=auth.factors.all(identity))


@pages_account_second_factor.post("")
@CREDENTIAL_ATTEMPTS
@signed_in
def begin(identity: Identity) -> ResponseReturnValue:
    """Show the QR code of a new authenticator app. It counts after its first code."""
    try:
        enrolment = auth.factors.start(identity, None, None, client_info())
    except ServiceError as error:
        return _refused(identity, error)
    return show(identity, "second_factor", "totp", enrolment=enrolment, factor_id=enrolment.id)


@pages_account_second_factor.post("/<int:factor_id>/confirm")
@CREDENTIAL_ATTEMPTS
@signed_in
def confirm(identity: Identity, factor_id: int) -> ResponseReturnValue:
    """Make the app count, and show the recovery codes that come with the first one."""
    try:
        code = totp_code_in(request.form.get("code", ""))
        codes = auth.factors.confirm(identity, factor_id, code, client_info())
    except ServiceError as error:
        return show_error(identity, "second_factor", error, template="totp", factor_id=factor_id)
    return show(identity, "second_factor", "recovery_codes", codes=codes) if codes else back_to(HERE, "factor_added")


@pages_account_second_factor.post("/<int:factor_id>/name")
@signed_in
def rename(identity: Identity, factor_id: int) -> ResponseReturnValue:
    """Name an app."""
    try:
        auth.factors.rename(identity, factor_id, name_in(request.form.get("name", ""), "name", FACTOR_NAME_MAX))
    except ServiceError as error:
        return _refused(identity, error)
    return back_to(HERE, "saved")


@pages_account_second_factor.post("/<int:factor_id>/remove")
@signed_in
def remove(identity: Identity, factor_id: int) -> ResponseReturnValue:
    """Remove an app. All other sessions end."""
    try:
        auth.factors.remove(identity, factor_id, client_info())
    except ServiceError as error:
        return _refused(identity, error)
    return back_to(HERE, "removed")


@pages_account_second_factor.post("/recovery-codes")
@CREDENTIAL_ATTEMPTS
@signed_in
def new_recovery_codes(identity: Identity) -> ResponseReturnValue:
    """Show new recovery codes; the old ones stop working."""
    try:
        codes = auth.factors.new_recovery_codes(identity, client_info())
    except ServiceError as error:
        return _refused(identity, error)
    return show(identity, "second_factor", "recovery_codes", codes=codes)


def _refused(identity: Identity, error: ServiceError) -> ResponseReturnValue:
    return show_error(identity, "second_factor", error, found=auth.factors.all(identity))
