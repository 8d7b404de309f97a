"""What follows an attempt to sign in on the pages: a session, a second step, or the form with an error."""

from collections.abc import Callable
from typing import Any, Final

from flask import Response, render_template, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid, RetryLater, ServiceError
from app.current import auth, settings
from app.flows.steps.issue_tokens import Tokens
from app.flows.steps.require_second_factor import SecondFactorEnrolmentRequired, SecondFactorRequired
from app.web import cookies
from app.web.pages.emailed_links import rejected
from app.web.pages.languages import translate
from app.web.pages.redirects import see_other
from app.web.transports import cookie

ATTEMPT: Final = "sign_in_attempt"
VERIFIER: Final = "sign_in_verifier"
STATE: Final = "sign_in_state"
PURPOSE: Final = "sign_in_purpose"
IDENTITY: Final = "identity_link"
PROVIDER_SECONDS: Final = 600
DONE: Final = "pages_sign_in.show_done"


class _SignInFailed(Invalid):
    pass


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


def enter(tokens: Tokens, answer: Response | None = None) -> Response:
    """Set the cookies of the session, and go to the page after it, or show `answer`."""
    shown = answer or see_other(url_for(DONE))
    for name in (ATTEMPT, VERIFIER, STATE, PURPOSE):
        cookies.delete(shown, name, same_site="Lax")
    return cookie.add_tokens(shown, tokens)


def second_step(required: SecondFactorRequired) -> ResponseReturnValue:
    """The page that asks for the second factor, or that sets it up where the account must have one."""
    step = required.next_step
    if isinstance(required, SecondFactorEnrolmentRequired):
        enrolment = auth.second_factor.start_enrolment(step.token, None)
        return render_template("sign_in/enrol.html", token=step.token, enrolment=enrolment, factor_id=enrolment.id)
    return render_template("sign_in/second_step.html", token=step.token, methods=step.methods)


def ways() -> dict[str, Any]:
    """What the sign-in page offers."""
    return {
        "providers": auth.provider_sign_in.all(),
        "by_email": settings.email_sign_in != "off",
        "takes_sign_ups": settings.sign_up == "open",
    }


def sent(attempt: str, seconds: int) -> Response:
    """The page that asks for the code of an email."""
    answer = Response(render_template("sign_in/sent.html"))
    cookies.set_cookie(answer, ATTEMPT, attempt, seconds, same_site="Lax")
    return answer


def failed(message: str) -> ResponseReturnValue:
    """The sign-in page with a message."""
    return rejected("sign_in/choose.html", _SignInFailed(translate(message)), **ways())


def with_identity(answer: ResponseReturnValue, link_token: str) -> Response:
    """The response, and a cookie with the identity that may be linked after the sign-in."""
    response = answer if isinstance(answer, Response) else _response(answer)
    cookies.set_cookie(response, IDENTITY, link_token, PROVIDER_SECONDS, same_site="Lax")
    return response


def _response(answer: Any) -> Response:
    return Response(*answer) if isinstance(answer, tuple) else Response(answer)
