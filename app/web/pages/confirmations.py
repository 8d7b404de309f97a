"""Pages that confirm, with a button, the action of an emailed link.

The token is in the fragment of the link. Browsers do not send the fragment, so it appears in no log and no Referer. A
script posts the token to this page, which checks it and shows a button. So mail scanners that open links, or even post
the token, do not consume it.
"""

# These forms need no CSRF token because they do not use cookies. Each contains a secret token or code, which an
# attacker does not know, or an email address, for which anyone may request an email.

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.core.client_info import ClientInfo
from app.core.errors import RetryLater, ServiceError
from app.current import auth
from app.domain.tokens.links import LinkInvalid
from app.web.client_info import client_info
from app.web.pages.emailed_links import LIMIT, NO_LINK, TOKEN_MAX, posted_token, rejected, with_error_pages


@dataclass(frozen=True, slots=True)
class Alternative:
    """A second button, for a person who did not request the action of the first one."""

    act: Callable[[str, ClientInfo], object]
    button: str
    done: str
    done_text: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One kind of link: its functions, and the texts of its pages before and after the action, and for dead links."""

    check: Callable[[str], object]
    act: Callable[[str, ClientInfo], object]
    title: str
    prompt: str
    not_you_hint: str
    button: str
    done: str
    done_text: str
    used: str
    retry_hint: str
    offers_reset: bool = False  # suggest a new password as the next step
    alternative: Alternative | None = None


CONFIRMATIONS = {
    "verify-email": Confirmation(
        check=lambda token: auth.email_verification.check(token),
        act=lambda token, client: auth.email_verification.confirm(token, client),
        title="Confirm your email address",
        prompt=(
            "Press the button if you created this account. Its password does not change. "
            "If you created it on another device, sign in there again."
        ),
        not_you_hint="You did not create it? Then someone else did, with your address and a password you do not know.",
        button="Confirm my address",
        done="Your email address is confirmed",
        done_text="There is nothing else to do. Continue in your app.",
        used="If your app still asks you to confirm your address, request a new email there.",
        retry_hint="Sign in to your app and request a new email there.",
        alternative=Alternative(
            act=lambda token, client: auth.email_verification.claim(token, client),
            button="I did not create this account",
            done="The account is now yours",
            done_text=(
                "Everyone was signed out, and the old password no longer works. We have sent you an email with a link "
                "to set a new one. Then you can keep the account, or delete it in your app."
            ),
        ),
    ),
    "confirm-email": Confirmation(
        check=lambda token: auth.email_change.check(token),
        act=lambda token, client: auth.email_change.confirm(token, client),
        title="Confirm your new email address",
        prompt=(
            "Press the button, and your account uses this address instead of the old one, to sign in and for emails. "
            "Your devices stay signed in."
        ),
        not_you_hint="You did not request this? Close this page, and your account keeps its old address.",
        button="Use this address",
        done="Your email address has been changed",
        done_text="Sign in with the new address from now on. No device was signed out, and your password is unchanged.",
        used=(
            "If that was you, sign in with your new address in your app. A link also stops working when a newer email "
            "is sent, or the address is changed again."
        ),
        retry_hint="Your account keeps its old address. To change it, request the change in your app again.",
    ),
    "undo-email-change": Confirmation(
        check=lambda token: auth.email_change.check_undo(token),
        act=lambda token, client: auth.email_change.undo(token, client),
        title="Restore your old email address",
        prompt=(
            "Press the button, and your account uses this address again. All devices are signed out, and we send an "
            "email with a link to set a new password to this address."
        ),
        not_you_hint="You changed the address yourself? Close this page, and the new address stays in use.",
        button="Restore my address",
        done="Your old email address is restored",
        done_text=(
            "All devices were signed out, and we have sent you an email with a link to set a new password. "
            "Choose one that you do not use anywhere else."
        ),
        used="If that was you, your old address is restored, and an email to set a new password was sent to it.",
        retry_hint=(
            "The address of your account has not changed. If you can no longer sign in, ask the people who run your "
            "app for help."
        ),
        offers_reset=True,
    ),
    "undo-second-factor": Confirmation(
        check=lambda token: auth.factors.check_undo(token),
        act=lambda token, client: auth.factors.undo(token, client),
        title="Remove the authenticator app",
        prompt=(
            "Press the button to remove the app that was added to your account, and to sign out all devices. "
            "Then choose a new password: the person who added the app has used your account."
        ),
        not_you_hint="You added the app yourself? Close this page, and sign-in keeps asking for its codes.",
        button="Remove the app",
        done="The app is removed",
        done_text="All devices were signed out. Now choose a new password that you do not use anywhere else.",
        used="The app is no longer in your account. If you can sign in, there is nothing to do.",
        retry_hint=(
            "The link is valid for 72 hours. If an app that is not yours keeps you out of your account, ask the people "
            "who run your app for help."
        ),
        offers_reset=True,
    ),
    "not-me": Confirmation(
        check=lambda token: auth.account_recovery.check(token),
        act=lambda token, client: auth.account_recovery.secure(token, client),
        title="Was this not you?",
        prompt=(
            "Press the button to lock the other person out: all devices are signed out, pending changes are cancelled, "
            "and we send you an email with a link to set a new password."
        ),
        not_you_hint="It was you after all? Close this page, and nothing changes.",
        button="It was not me: sign everyone out",
        done="All devices were signed out",
        done_text=(
            "Pending changes are cancelled, and we have sent you an email with a link to set a new password. "
            "Choose one that you do not use anywhere else."
        ),
        used=(
            "Or your password or address has changed since that email. If any of this was not you, choose a new "
            "password now."
        ),
        retry_hint="No device was signed out.",
        offers_reset=True,
    ),
}
RULE = f"/<any({', '.join(map(repr, CONFIRMATIONS))}):kind>"


pages_confirmations = with_error_pages(Blueprint("pages_confirmations", __name__))


@pages_confirmations.get(RULE)
def open_link(kind: str) -> ResponseReturnValue:
    """Show the page whose script reads the fragment of the link and posts the token. Changes nothing."""
    return render_template("confirmation/open.html", title=CONFIRMATIONS[kind].title)


@pages_confirmations.post(RULE)
@LIMIT
def use_link(kind: str) -> ResponseReturnValue:
    """Check the link and show its button. When the button is pressed, run the action."""
    page, token = CONFIRMATIONS[kind], posted_token()
    if not token:
        return rejected("confirmation/open.html", NO_LINK, title=page.title)
    pressed, details = request.form.get("act"), None
    try:
        if len(token) > TOKEN_MAX:
            raise LinkInvalid
        if pressed == "confirm":
            page.act(token, client_info())
        elif pressed == "other" and page.alternative:
            page.alternative.act(token, client_info())
        else:
            pressed, details = None, page.check(token)
    except RetryLater:
        raise
    except ServiceError as error:
        return rejected("confirmation/dead_link.html", error, page=page)
    if pressed is None:
        return render_template("confirmation/ask.html", page=page, token=token, details=details)
    done = page.alternative if pressed == "other" and page.alternative else page
    return render_template(
        "confirmation/done.html", done=done, offers_reset=page.offers_reset or done is page.alternative
    )
