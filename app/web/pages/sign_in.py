"""Pages to sign in: with a password, a link or code by email, an identity provider, or a passkey.

They sign in this browser by cookies, or hand the sign-in over to the app that opened the page. Everything but passkeys
works without scripts.
"""

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid, ServiceError
from app.current import auth
from app.flows.steps.identity import Identity
from app.web import cookies
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.pages.emailed_links import rejected
from app.web.pages.forms import with_forms
from app.web.pages.redirects import see_other
from app.web.pages.session import PageSession, page_session
from app.web.pages.sign_in_result import ATTEMPT, DONE, IDENTITY, enter, sent, sign_in, ways
from app.web.pages.sign_in_return import Return, asked_return, keep, kept_return, sign_in_again
from app.web.pages.typed import EMAIL_MAX, check_length, code_in, mailable, totp_code_in
from app.web.transports import cookie

pages_sign_in = with_forms(Blueprint("pages_sign_in", __name__, url_prefix="/sign-in"))


@pages_sign_in.get("")
def choose() -> ResponseReturnValue:
    """Show the ways to sign in; to somebody who is signed in already, only the way on."""
    try:
        wanted = asked_return()
    except Invalid as error:
        return rejected("confirmation/trouble.html", error)
    session = page_session() if wanted else None
    if wanted and wanted.is_here and session:
        return _with_tokens(see_other(wanted.redirect_to), session)
    if wanted and session:
        page = Response(render_template("sign_in/continue.html", account=session.identity.owner))
        return _with_tokens(keep(page, wanted), session)
    return keep(Response(render_template("sign_in/choose.html", **ways())), wanted)


@pages_sign_in.post("")
@CREDENTIAL_ATTEMPTS
def use_password() -> ResponseReturnValue:
    """Sign in with a password."""
    email = _posted_email()
    password = request.form.get("password", "")
    return sign_in(
        lambda: auth.sign_in.with_password(mailable(email), check_length(password), client_info()),
        lambda error: rejected("sign_in/choose.html", error, email=email[:EMAIL_MAX], **ways()),
    )


@pages_sign_in.post("/email")
@Limit("sign_in_emails")
def send_email() -> ResponseReturnValue:
    """Send an email with a link and a code. The response is the same whether or not the account exists."""
    cookie.reject_cross_site()
    email = _posted_email()
    try:
        requested = auth.email_sign_in.request(mailable(email), client_info())
    except ServiceError as error:
        return rejected("sign_in/choose.html", error, email=email[:EMAIL_MAX], **ways())
    return sent(requested.attempt, requested.expires_in)


@pages_sign_in.post("/code")
@CREDENTIAL_ATTEMPTS
def use_code() -> ResponseReturnValue:
    """Sign in with the code of the email that this browser asked for."""
    attempt, typed = cookies.get(ATTEMPT), request.form.get("code", "")
    return sign_in(
        lambda: auth.email_sign_in.by_code(attempt or "none", code_in(typed), client_info()),
        lambda error: rejected("sign_in/sent.html", error, code=typed[:40]),
    )


@pages_sign_in.post("/second-step")
@CREDENTIAL_ATTEMPTS
def use_second_factor() -> ResponseReturnValue:
    """Finish a sign-in with a code of the authenticator app, or with a recovery code."""
    token, typed = request.form.get("token", ""), request.form.get("code", "").strip()[:80]
    digits = totp_code_in(typed)
    given = {"code": digits, "recovery_code": None} if digits.isdigit() else {"code": None, "recovery_code": typed}
    return sign_in(
        lambda: auth.second_factor.finish(token, client_info(), **given, trust=False).tokens,
        lambda error: rejected("sign_in/second_step.html", error, token=token, methods=("totp",)),
    )


@pages_sign_in.post("/enrolment/<int:factor_id>")
@CREDENTIAL_ATTEMPTS
def confirm_enrolment(factor_id: int) -> ResponseReturnValue:
    """Finish a sign-in by setting up the second factor that the account must have, and show the recovery codes."""
    cookie.reject_cross_site()
    token = request.form.get("token", "")
    try:
        code = totp_code_in(request.form.get("code", ""))
        signed_in = auth.second_factor.confirm_enrolment(token, factor_id, code, client_info())
    except ServiceError as error:
        return rejected("sign_in/enrol.html", error, token=token, factor_id=factor_id)
    page = render_template("sign_in/recovery_codes.html", codes=signed_in.recovery_codes)
    return enter(signed_in.tokens, Response(page))


@pages_sign_in.get("/done")
def show_done() -> ResponseReturnValue:
    """Lead on after a sign-in; or show who is signed in, and offer to link an identity that was just shown."""
    session, link_token, wanted = page_session(), cookies.get(IDENTITY), kept_return()
    if session is None:
        return see_other(url_for(".choose"))
    shown = auth.identities.shown_by(link_token) if link_token else None
    if shown is None and wanted is not None:
        return _lead_on(session.identity, wanted, hand_over=True)
    page = Response(render_template("sign_in/done.html", account=session.identity.owner, shown=shown))
    return _with_tokens(page, session)


@pages_sign_in.post("/continue")
def continue_as() -> ResponseReturnValue:
    """Lead somebody who was signed in already on to the app."""
    cookie.reject_cross_site()
    session, wanted = page_session(), kept_return()
    if session is None or wanted is None:
        return see_other(url_for(".choose"))
    return _with_tokens(_lead_on(session.identity, wanted, hand_over=False), session)


@pages_sign_in.post("/identity")
@CREDENTIAL_ATTEMPTS
def link_identity() -> ResponseReturnValue:
    """Link the identity that was just shown, or forget it."""
    cookie.reject_cross_site()
    session, link_token = page_session(), cookies.get(IDENTITY)
    if session is not None and link_token and request.form.get("act") == "link":
        auth.identities.link_by_token(session.identity, link_token, client_info())
    answer = see_other(url_for(DONE))
    cookies.delete(answer, IDENTITY, same_site="Lax")
    return answer


@pages_sign_in.post("/out")
def sign_out() -> ResponseReturnValue:
    """End the session of this browser. An app that waits for a sign-in gets another one."""
    cookie.reject_cross_site()
    session = page_session()
    if session is not None:
        auth.sessions.sign_out(session.identity, client_info())
    return cookie.clear(see_other(sign_in_again()))


def _lead_on(identity: Identity, wanted: Return, *, hand_over: bool) -> Response:
    """The page of ours, or a page that leads to the app. `hand_over`: the session goes with it."""
    if wanted.is_here:
        return keep(see_other(wanted.redirect_to), None)
    url = auth.app_sign_in.url_with_code(
        identity, wanted.redirect_to, str(wanted.code_challenge), wanted.state, hand_over=hand_over
    )
    # A page and no redirect: browsers compare the target of a form, and of its redirects, with the form-action policy.
    answer = keep(Response(render_template("sign_in/return.html", url=url)), None)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return cookie.clear(answer) if hand_over else answer


def _with_tokens(answer: Response, session: PageSession) -> Response:
    return cookie.add_tokens(answer, session.refreshed) if session.refreshed else answer


def _posted_email() -> str:
    return request.form.get("email", "").strip()
