"""/account/confirm: prove again who one is, before a sensitive page."""

from collections.abc import Callable
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import ServiceError
from app.current import auth, settings
from app.flows.steps.identity import Identity
from app.web import cookies
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.pages.account.frame import account_pages, show, show_error, signed_in
from app.web.pages.redirects import own_path, see_other
from app.web.pages.typed import check_length, code_in, totp_code_in

pages_account_confirm = account_pages("confirm", "/confirm")
ATTEMPT = "confirm_attempt"


@pages_account_confirm.get("")
@signed_in
def ask(identity: Identity) -> ResponseReturnValue:
    """Show the ways in which this account can prove who it is."""
    return show(identity, "confirm", **_ways(identity))


@pages_account_confirm.post("/password")
@CREDENTIAL_ATTEMPTS
@signed_in
def use_password(identity: Identity) -> ResponseReturnValue:
    """By the password."""
    password = request.form.get("password", "")
    return _prove(
        identity, lambda: auth.reauthentication.by_password(identity, check_length(password), client_info()), "password"
    )


@pages_account_confirm.post("/code")
@CREDENTIAL_ATTEMPTS
@signed_in
def use_code(identity: Identity) -> ResponseReturnValue:
    """By a code of the authenticator app, or by a recovery code."""
    typed = request.form.get("code", "").strip()[:80]
    digits = totp_code_in(typed)
    if digits.isdigit():
        return _prove(identity, lambda: auth.reauthentication.by_code(identity, digits, client_info()), "code")
    return _prove(identity, lambda: auth.reauthentication.by_recovery_code(identity, typed, client_info()), "code")


@pages_account_confirm.post("/email")
@Limit("sign_in_emails")
@signed_in
def send_email(identity: Identity) -> ResponseReturnValue:
    """Send a code to the address of the account."""
    sent = auth.email_sign_in.request(identity.owner.email, client_info())
    answer = see_other(url_for(".ask", next=_next(), sent="yes"))
    cookies.set_cookie(answer, ATTEMPT, sent.attempt, sent.expires_in, same_site="Lax")
    return answer


@pages_account_confirm.post("/emailed-code")
@CREDENTIAL_ATTEMPTS
@signed_in
def use_emailed_code(identity: Identity) -> ResponseReturnValue:
    """By the code of that email."""
    attempt, code = cookies.get(ATTEMPT) or "none", code_in(request.form.get("code", ""))
    return _prove(
        identity, lambda: auth.reauthentication.by_emailed_code(identity, attempt, code, client_info()), "emailed_code"
    )


def _prove(identity: Identity, prove: Callable[[], None], way: str) -> ResponseReturnValue:
    try:
        prove()
    except ServiceError as error:
        return show_error(identity, "confirm", error, way=way, **_ways(identity))
    return see_other(_next())


def _ways(identity: Identity) -> dict[str, Any]:
    account = identity.owner
    return {
        "next": _next(),
        "by_passkey": bool(auth.passkeys.all(identity).passkeys),
        "by_email": settings.email_sign_in != "off" and not account.has_second_factor,
        "sent": cookies.get(ATTEMPT) is not None,
    }


def _next() -> str:
    return own_path(request.values.get("next")) or url_for("pages_account_profile.open_page")
