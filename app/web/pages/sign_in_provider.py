"""The way to an identity provider and back, to sign in on our pages or to link an identity to an account."""

import secrets
from typing import Final

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import RetryLater, ServiceError
from app.current import auth, settings
from app.flows.steps.check_password import ReauthenticationRequired
from app.flows.steps.require_recent_auth import StrongerSignInRequired
from app.flows.steps.require_second_factor import SecondFactorRequired
from app.flows.steps.sign_in_with_identity import IdentityLinkRequired, StartedByEmail
from app.web import cookies
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.pages.emailed_links import rejected
from app.web.pages.forms import with_forms
from app.web.pages.redirects import see_other
from app.web.pages.session import page_session
from app.web.pages.sign_in_result import (
    PROVIDER_SECONDS,
    PURPOSE,
    STATE,
    VERIFIER,
    enter,
    failed,
    second_step,
    sent,
    ways,
    with_identity,
)

LINK: Final = "link"
NOT_STARTED: Final = "This sign-in was not started in this browser, or took too long. Start it again."
CANCELLED: Final = "The sign-in at the identity provider did not work, or was cancelled."
ACCOUNT_EXISTS: Final = "An account with this address exists. Sign in as usual, and then link the two."

pages_sign_in_provider = with_forms(Blueprint("pages_sign_in_provider", __name__, url_prefix="/sign-in/with"))


@pages_sign_in_provider.get("/<string:provider_id>")
@Limit("credentials")
def start(provider_id: str) -> ResponseReturnValue:
    """Lead the browser to an identity provider, to sign in."""
    return lead_to(provider_id, "sign-in")


def lead_to(provider_id: str, purpose: str) -> Response:
    """Lead the browser to an identity provider. Cookies keep what it must bring back, and what for."""
    started = auth.provider_sign_in.start_here(provider_id, f"{settings.public_url}/sign-in/with")
    answer = see_other(started.url)
    kept = {"flow": started.cookie, VERIFIER: started.code_verifier, STATE: started.state, PURPOSE: purpose}
    for name, value in kept.items():
        cookies.set_cookie(answer, name, value, PROVIDER_SECONDS, same_site="Lax")
    return answer


@pages_sign_in_provider.get("")
@CREDENTIAL_ATTEMPTS
def finish() -> ResponseReturnValue:
    """Use what the identity provider said. The code is for the browser that has the verifier."""
    verifier, state = cookies.get(VERIFIER), cookies.get(STATE)
    code, error = request.args.get("code"), request.args.get("error")
    if verifier is None or state is None or not secrets.compare_digest(state, request.args.get("state", "")):
        return failed(NOT_STARTED)
    if cookies.get(PURPOSE) == LINK:
        return _link(code, verifier)
    if error or not code:
        return failed(CANCELLED)
    return _sign_in(code, verifier)


def _sign_in(code: str, verifier: str) -> ResponseReturnValue:
    try:
        signed_in = auth.provider_sign_in.sign_in_with_code(code, verifier, client_info())
    except SecondFactorRequired as required:
        page = second_step(required)
        return with_identity(page, required.link_token) if required.link_token else page
    except IdentityLinkRequired as required:
        return with_identity(failed(ACCOUNT_EXISTS), required.link_token)
    except ServiceError as refused:
        return rejected("sign_in/choose.html", refused, **ways())
    if isinstance(signed_in, StartedByEmail):
        return with_identity(sent(signed_in.attempt, signed_in.expires_in), signed_in.link_token)
    return enter(signed_in)


def _link(code: str | None, verifier: str) -> ResponseReturnValue:
    session, page = page_session(), "pages_account_identities.open_page"
    if session is None:
        return failed(NOT_STARTED)
    if not code:
        return see_other(url_for(page, done="not_linked"))
    try:
        auth.identities.link_by_code(session.identity, code, verifier, client_info())
    except (ReauthenticationRequired, StrongerSignInRequired):
        return see_other(url_for("pages_account_confirm.ask", next=url_for(page)))
    except RetryLater:
        raise
    except ServiceError as refused:
        return see_other(url_for(page, done=refused.code))
    return see_other(url_for(page, done="linked"))
