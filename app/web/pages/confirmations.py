"""The pages on which one button does what an emailed link is for, and what all pages of emailed links share.

A link carries its token in the fragment, which browsers send to no server: it is in no log and no Referer. A script
posts it here, which checks it and shows the button. So what mail scanners do with links, GET, HEAD and blind posts
of the token, uses nothing up.
"""

# No CSRF token: none of these forms acts on a cookie. A post counts by the secret token or code it carries, which
# whoever forges it would have to know, or by an address, for which anyone may ask for an email at any time.

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
    """The second button of a page, for a person who did not start what the first one completes."""

    act: Callable[[str, ClientInfo], object]
    button: str
    done: str
    done_text: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One kind of link: the acts behind it, and what its pages say before, after and when it works no more."""

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
    offers_reset: bool = False  # a new password is what helps next
    alternative: "Alternative | None" = None


CONFIRMATIONS = {
    "verify-email": Confirmation(
        check=lambda token: auth.email_verification.check(token),
        act=lambda token, caller: auth.email_verification.confirm(token, caller),
        title="Confirm your address",
        prompt="Press the button if you opened this account. Its password stays as it is. If you opened it on another "
        "device, sign in there again.",
        not_you_hint="You did not open it? Then somebody else did, with your address and a password that you do not know.",
        button="Confirm my address",
        done="Your address is confirmed",
        done_text="There is nothing else to do. Go on in your app.",
        used="If your app still asks you to confirm your address, have a new email sent from there.",
        retry_hint="Sign in to your app and have a new email sent from there.",
        alternative=Alternative(
            act=lambda token, caller: auth.email_verification.claim(token, caller),
            button="I did not open this account",
            done="The account is yours now",
            done_text="Everybody was signed out, and the password that was chosen no longer works. An email with a link "
            "for a new password is on its way to you. Choose one; then you can keep the account or delete it in your "
            "app.",
        ),
    ),
    "confirm-email": Confirmation(
        check=lambda token: auth.email_change.check(token),
        act=lambda token, caller: auth.email_change.confirm(token, caller),
        title="Confirm your new address",
        prompt="Press the button, and your account uses this address instead of the old one: to sign in, and for emails. "
        "Your devices stay signed in.",
        not_you_hint="You did not ask for this? Close this page, and your account keeps its old address.",
        button="Use this address",
        done="Your new address is in use",
        done_text="Sign in with it from now on. No device was signed out, and your password is as it was.",
        used="If that was you, your new address is in use: sign in with it in your app. A newer email, or a newer "
        "change, makes a link void as well.",
        retry_hint="Your account keeps its old address. To change it, ask for the change in your app again.",
    ),
    "undo-email-change": Confirmation(
        check=lambda token: auth.email_change.check_undo(token),
        act=lambda token, caller: auth.email_change.undo(token, caller),
        title="Take your old address back",
        prompt="Press the button, and your account uses this address again. Every device is signed out, and an email with "
        "a link for a new password comes to this mailbox.",
        not_you_hint="You changed the address yourself? Close this page, and the new one stays in use.",
        button="Take my address back",
        done="Your old address is back",
        done_text="Every device was signed out, and an email with a link for a new password is on its way to you. Choose "
        "one that you use nowhere else.",
        used="If that was you, your old address is back, and an email with a link for a new password was sent to it.",
        retry_hint="The address of your account is as it was. If you cannot sign in any more, ask the people who run your "
        "app for help.",
        offers_reset=True,
    ),
    "not-me": Confirmation(
        check=lambda token: auth.account_recovery.check(token),
        act=lambda token, caller: auth.account_recovery.secure(token, caller),
        title="Was this not you?",
        prompt="Press the button, and whoever it was is out: every device is signed out, pending changes are cancelled, "
        "and an email with a link for a new password comes to your mailbox.",
        not_you_hint="It was you after all? Close this page, and everything stays as it is.",
        button="It was not me: sign everyone out",
        done="Every device was signed out",
        done_text="Pending changes are cancelled, and an email with a link for a new password is on its way to you. Choose "
        "one that you use nowhere else.",
        used="Or your password or your address has changed since that email. If any of this was not you, choose a new "
        "password now.",
        retry_hint="Nobody was signed out.",
        offers_reset=True,
    ),
}
RULE = f"/<any({', '.join(map(repr, CONFIRMATIONS))}):kind>"


pages_confirmations = with_error_pages(Blueprint("pages_confirmations", __name__))


@pages_confirmations.get(RULE)
def open_link(kind: str) -> ResponseReturnValue:
    """The page that reads the link's fragment and posts it; knows nothing and changes nothing."""
    return render_template("confirmation/open.html", title=CONFIRMATIONS[kind].title)


@pages_confirmations.post(RULE)
@LIMIT
def use_link(kind: str) -> ResponseReturnValue:
    """Check the link and show its button; once that was pressed, do what the link is for."""
    page, token = CONFIRMATIONS[kind], posted_token()
    if not token:
        return rejected("confirmation/open.html", NO_LINK, title=page.title)
    pressed, facts = request.form.get("act"), None
    try:
        if len(token) > TOKEN_MAX:
            raise LinkInvalid
        if pressed == "confirm":
            page.act(token, client_info())
        elif pressed == "other" and page.alternative:
            page.alternative.act(token, client_info())
        else:
            pressed, facts = None, page.check(token)
    except RetryLater:
        raise
    except ServiceError as error:
        return rejected("confirmation/dead_link.html", error, page=page)
    if pressed is None:
        return render_template("confirmation/ask.html", page=page, token=token, facts=facts)
    done = page.alternative if pressed == "other" and page.alternative else page
    return render_template(
        "confirmation/done.html", done=done, offers_reset=page.offers_reset or done is page.alternative
    )
