"""What all account pages have: a session, a CSRF token in each form, the navigation, and a step to reauthenticate."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import RetryLater, ServiceError
from app.current import auth
from app.flows.steps.check_password import ReauthenticationRequired
from app.flows.steps.identity import Identity
from app.flows.steps.require_recent_auth import StrongerSignInRequired
from app.web.client_info import client_info
from app.web.errors import status_of
from app.web.pages.forms import with_forms
from app.web.pages.redirects import path_here, see_other, sign_in_url
from app.web.pages.session import page_session
from app.web.transports import cookie

View = Callable[..., ResponseReturnValue]
PREFIX: Final = "/account"
SECTIONS: Final = (
    "profile",
    "email",
    "password",
    "passkeys",
    "second_factor",
    "devices",
    "identities",
    "activity",
    "data",
)


def account_pages(name: str, path: str = "") -> Blueprint:
    """The blueprint of one section, `pages_account_<name>`, with error pages."""
    return with_forms(Blueprint(f"pages_account_{name}", __name__, url_prefix=PREFIX + path))


def signed_in(view: View) -> View:
    """Call the view with the identity of the cookies, or lead to the sign-in page. A form needs its CSRF token."""

    @wraps(view)
    def run(**arguments: Any) -> ResponseReturnValue:
        session = page_session()
        if session is None:
            return cookie.clear(see_other(sign_in_url()))
        identity = session.identity
        if request.method == "POST":
            cookie.reject_cross_site()
            auth.csrf.check_form(identity, request.form.get("csrf_token", ""))
        try:
            answer = make_response(view(identity, **arguments))
        except (ReauthenticationRequired, StrongerSignInRequired):
            answer = see_other(url_for("pages_account_confirm.ask", next=path_here()))
        return cookie.add_tokens(answer, session.refreshed) if session.refreshed else answer

    return run


def recently(*, first_factor: bool = False) -> Callable[[View], View]:
    """Require recent authentication before a sensitive page is shown, so that no form is filled in for nothing.

    `first_factor`: the page sets up a second factor, so an account that has none yet needs no second one.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def run(identity: Identity, **arguments: Any) -> ResponseReturnValue:
            auth.reauthentication.require_recent(identity, client_info(), first_factor=first_factor)
            return view(identity, **arguments)

        return run

    return decorate


def show(identity: Identity, section: str, template: str | None = None, **context: Any) -> str:
    """Render `account/<section>.html`, with the navigation."""
    return render_template(
        f"account/{template or section}.html",
        account=identity.owner,
        csrf_token=auth.csrf.token_of(identity.session.id),
        section=section,
        sections=SECTIONS,
        done=request.args.get("done"),
        **context,
    )


def show_error(
    identity: Identity, section: str, error: ServiceError, *, template: str | None = None, **context: Any
) -> ResponseReturnValue:
    """The same with an error, and its status. Raises an error that asks to reauthenticate."""
    if isinstance(error, ReauthenticationRequired | StrongerSignInRequired):
        raise error
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, RetryLater) else {}
    return show(identity, section, template, error=error, **context), status_of(type(error)), headers


def back_to(endpoint: str, done: str) -> Response:
    """Lead to a page that says what has been done, so that a reload sends nothing again."""
    return see_other(url_for(endpoint, done=done))
