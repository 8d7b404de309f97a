"""Pages to sign in: with a password, a link or code by email, an identity provider, or a passkey.

They sign in this browser by cookies. Everything but passkeys works without scripts.
"""

import secrets
from collections.abc import Callable
from typing import Any, Final, cast

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid, RetryLater, ServiceError, Unauthenticated
from app.current import auth, settings
from app.domain.tokens.jwt_tokens import InvalidToken
from app.flows.steps.identity import Identity
from app.flows.steps.issue_tokens import Tokens
from app.flows.steps.require_second_factor import SecondFactorEnrolmentRequired, SecondFactorRequired
from app.flows.steps.sign_in_with_identity import IdentityLinkRequired, StartedByEmail
from app.web import cookies
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.pages.emailed_links import rejected, with_error_pages
from app.web.pages.typed import EMAIL_MAX, check_length, code_in, mailable
from app.web.transports import cookie

ATTEMPT: Final = "sign_in_attempt"
VERIFIER: Final = "sign_in_verifier"
STATE: Final = "sign_in_state"
IDENTITY: Final = "identity_link"
PROVIDER_SECONDS: Final = 600
PAGES: Final = "pages_sign_in"

pages_sign_in = with_error_pages(Blueprint(PAGES, __name__, url_prefix="/sign-in"))


class _SignInFailed(Invalid):
    pass


@pages_sign_in.after_request
def tell_own_origin(answer: Response) -> Response:
    """Let forms of these pages send their origin: a form without it is taken for one of another site."""
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer


@pages_sign_in.get("")
def choose() -> ResponseReturnValue:
    """Show the ways to sign in."""
    return render_template("sign_in/choose.html", **_ways())


@pages_sign_in.post("")
@CREDENTIAL_ATTEMPTS
def use_password() -> ResponseReturnValue:
    """Sign in with a password."""
    email = _posted_email()
    password = request.form.get("password", "")
    return sign_in(
        lambda: auth.sign_in.with_password(mailable(email), check_length(password), client_info()),
        lambda error: rejected("sign_in/choose.html", error, email=email[:EMAIL_MAX], **_ways()),
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
        return rejected("sign_in/choose.html", error, email=email[:EMAIL_MAX], **_ways())
    return _sent(requested.attempt, requested.expires_in)


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
    digits = "".join(typed.split())
    by_app = len(digits) == 6 and digits.isascii() and digits.isdigit()
    return sign_in(
        lambda: (
            auth.second_factor.finish(
                token,
                client_info(),
                code=digits if by_app else None,
                recovery_code=None if by_app else typed,
                trust=False,
            ).tokens
        ),
        lambda error: rejected("sign_in/second_step.html", error, token=token, methods=("totp",)),
    )


@pages_sign_in.get("/with/<string:provider_id>")
@Limit("credentials")
def start_provider(provider_id: str) -> ResponseReturnValue:
    """Lead the browser to an identity provider."""
    started = auth.provider_sign_in.start_here(provider_id, f"{settings.public_url}/sign-in/with")
    answer = _see_other(started.url)
    for name, value in (("flow", started.cookie), (VERIFIER, started.code_verifier), (STATE, started.state)):
        cookies.set_cookie(answer, name, value, PROVIDER_SECONDS, same_site="Lax")
    return answer


@pages_sign_in.get("/with")
@CREDENTIAL_ATTEMPTS
def finish_provider() -> ResponseReturnValue:
    """Sign in with what the identity provider said. The code is for the browser that has the verifier."""
    verifier, state = cookies.get(VERIFIER), cookies.get(STATE)
    code, error = request.args.get("code"), request.args.get("error")
    if verifier is None or state is None or not secrets.compare_digest(state, request.args.get("state", "")):
        return _failed("This sign-in was not started in this browser, or took too long. Start it again.")
    if error or not code:
        return _failed("The sign-in at the identity provider did not work, or was cancelled.")
    try:
        signed_in = auth.provider_sign_in.sign_in_with_code(code, verifier, client_info())
    except SecondFactorRequired as required:
        return second_step(required)
    except IdentityLinkRequired as required:
        answer = _failed("An account with this address exists. Sign in as usual, and then link the two.")
        return _with_cookie(answer, IDENTITY, required.link_token)
    except ServiceError as refused:
        return rejected("sign_in/choose.html", refused, **_ways())
    if isinstance(signed_in, StartedByEmail):
        sent = _sent(signed_in.attempt, signed_in.expires_in)
        return _with_cookie(sent, IDENTITY, signed_in.link_token)
    return enter(signed_in)


@pages_sign_in.get("/done")
def show_account() -> ResponseReturnValue:
    """Show who is signed in in this browser, and offer to link an identity that was just shown."""
    identity = _signed_in()
    if identity is None:
        return _see_other(url_for(".choose"))
    link_token = cookies.get(IDENTITY)
    shown = auth.identities.shown_by(link_token) if link_token else None
    return render_template("sign_in/done.html", account=identity.owner, shown=shown)


@pages_sign_in.post("/identity")
@CREDENTIAL_ATTEMPTS
def link_identity() -> ResponseReturnValue:
    """Link the identity that was just shown, or forget it."""
    cookie.reject_cross_site()
    identity, link_token = _signed_in(), cookies.get(IDENTITY)
    if identity is not None and link_token and request.form.get("act") == "link":
        auth.identities.link_by_token(identity, link_token, client_info())
    answer = _see_other(url_for(".show_account"))
    cookies.delete(answer, IDENTITY, same_site="Lax")
    return answer


@pages_sign_in.post("/out")
def sign_out() -> ResponseReturnValue:
    """End the session of this browser."""
    cookie.reject_cross_site()
    identity = _signed_in()
    if identity is not None:
        auth.sessions.sign_out(identity, client_info())
    return cookie.clear(_see_other(url_for(".choose")))


def sign_in(act: Callable[[], Tokens], failed: Callable[[ServiceError], ResponseReturnValue]) -> ResponseReturnValue:
    """Run one way to sign in: the page after it, the page of the second step, or what `failed` shows."""
    cookie.reject_cross_site()
    try:
        return enter(act())
    except SecondFactorRequired as required:
        return second_step(required)
    except RetryLater:
        raise
    except ServiceError as error:
        return failed(error)


def enter(tokens: Tokens) -> Response:
    """Set the cookies of the session, and go to the page after it."""
    answer = _see_other(url_for(f"{PAGES}.show_account"))
    for name in (ATTEMPT, VERIFIER, STATE):
        cookies.delete(answer, name, same_site="Lax")
    return cookie.add_tokens(answer, tokens)


def second_step(required: SecondFactorRequired) -> ResponseReturnValue:
    """The page that asks for the second factor."""
    if isinstance(required, SecondFactorEnrolmentRequired):
        return _failed("This account must have a second factor. Sign in to your app, and set it up there.")
    step = required.next_step
    return render_template("sign_in/second_step.html", token=step.token, methods=step.methods)


def _ways() -> dict[str, Any]:
    return {"providers": auth.provider_sign_in.all(), "by_email": settings.email_sign_in != "off"}


def _sent(attempt: str, seconds: int) -> Response:
    answer = Response(render_template("sign_in/sent.html"))
    cookies.set_cookie(answer, ATTEMPT, attempt, seconds, same_site="Lax")
    return answer


def _failed(message: str) -> ResponseReturnValue:
    return rejected("sign_in/choose.html", _SignInFailed(message), **_ways())


def _with_cookie(answer: ResponseReturnValue, name: str, value: str) -> Response:
    response = answer if isinstance(answer, Response) else _response(answer)
    cookies.set_cookie(response, name, value, PROVIDER_SECONDS, same_site="Lax")
    return response


def _response(answer: Any) -> Response:
    text, status, headers = answer
    return Response(text, status, headers)


def _signed_in() -> Identity | None:
    token = cookies.get("access")
    try:
        return auth.sessions.authenticate(token) if token else None
    except (InvalidToken, Unauthenticated):
        return None


def _posted_email() -> str:
    return request.form.get("email", "").strip()


def _see_other(url: str) -> Response:
    return cast(Response, redirect(url, 303))
