"""The pages on which one button does what an emailed link is for, and what all pages of emailed links share.

A link carries its token in the fragment, which browsers send to no server: it is in no log and no Referer. A script
posts it here, which checks it and shows the button. So what mail scanners do with links, GET, HEAD and blind posts
of the token, uses nothing up.
"""

# No CSRF token: none of these forms acts on a cookie. A post counts by the secret token or code it carries, which
# whoever forges it would have to know, or by an address, for which anyone may ask for a letter at any time.

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.core.client_info import ClientInfo
from app.core.errors import Later, ServiceError
from app.current import auth
from app.domain.tokens.links import LinkInvalid
from app.web.client_info import origin
from app.web.pages.emailed_links import LIMIT, NO_LINK, TOKEN_MAX, posted_token, refused, with_error_pages


@dataclass(frozen=True, slots=True)
class Other:
    """The second button of a page, for a person who did not start what the first one completes."""

    act: Callable[[str, ClientInfo], object]
    button: str
    done: str
    after: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One kind of link: the acts behind it, and what its pages say before, after and when it works no more."""

    check: Callable[[str], object]
    act: Callable[[str, ClientInfo], object]
    title: str
    ask: str
    otherwise: str
    button: str
    done: str
    after: str
    used: str
    again: str
    alarming: bool = False  # a new password is what helps next
    other: "Other | None" = None


CONFIRMATIONS = {
    "verify-email": Confirmation(
        check=lambda token: auth.email_verification.check(token),
        act=lambda token, caller: auth.email_verification.confirm(token, caller),
        title="Confirm your address",
        ask="Press the button if you opened this account. Its password stays as it is. If you opened it on another "
        "device, sign in there again.",
        otherwise="You did not open it? Then somebody else did, with your address and a password that you do not know.",
        button="Confirm my address",
        done="Your address is confirmed",
        after="There is nothing else to do. Go on in your app.",
        used="If your app still asks you to confirm your address, have a new letter sent from there.",
        again="Sign in to your app and have a new letter sent from there.",
        other=Other(
            act=lambda token, caller: auth.email_verification.claim(token, caller),
            button="I did not open this account",
            done="The account is yours now",
            after="Everybody was signed out, and the password that was chosen no longer works. A letter with a link "
            "for a new password is on its way to you. Choose one; then you can keep the account or delete it in your "
            "app.",
        ),
    ),
    "confirm-email": Confirmation(
        check=lambda token: auth.email_change.check(token),
        act=lambda token, caller: auth.email_change.confirm(token, caller),
        title="Confirm your new address",
        ask="Press the button, and your account uses this address instead of the old one: to sign in, and for letters. "
        "Your devices stay signed in.",
        otherwise="You did not ask for this? Close this page, and your account keeps its old address.",
        button="Use this address",
        done="Your new address is in use",
        after="Sign in with it from now on. No device was signed out, and your password is as it was.",
        used="If that was you, your new address is in use: sign in with it in your app. A newer letter, or a newer "
        "change, makes a link void as well.",
        again="Your account keeps its old address. To change it, ask for the change in your app again.",
    ),
    "undo-email-change": Confirmation(
        check=lambda token: auth.email_change.check_undo(token),
        act=lambda token, caller: auth.email_change.undo(token, caller),
        title="Take your old address back",
        ask="Press the button, and your account uses this address again. Every device is signed out, and a letter with "
        "a link for a new password comes to this mailbox.",
        otherwise="You changed the address yourself? Close this page, and the new one stays in use.",
        button="Take my address back",
        done="Your old address is back",
        after="Every device was signed out, and a letter with a link for a new password is on its way to you. Choose "
        "one that you use nowhere else.",
        used="If that was you, your old address is back, and a letter with a link for a new password was sent to it.",
        again="The address of your account is as it was. If you cannot sign in any more, ask the people who run your "
        "app for help.",
        alarming=True,
    ),
    "not-me": Confirmation(
        check=lambda token: auth.not_me.check(token),
        act=lambda token, caller: auth.not_me.report(token, caller),
        title="Was this not you?",
        ask="Press the button, and whoever it was is out: every device is signed out, pending changes are cancelled, "
        "and a letter with a link for a new password comes to your mailbox.",
        otherwise="It was you after all? Close this page, and everything stays as it is.",
        button="It was not me: sign everyone out",
        done="Every device was signed out",
        after="Pending changes are cancelled, and a letter with a link for a new password is on its way to you. Choose "
        "one that you use nowhere else.",
        used="Or your password or your address has changed since that letter. If any of this was not you, choose a new "
        "password now.",
        again="Nobody was signed out.",
        alarming=True,
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
        return refused("confirmation/open.html", NO_LINK, title=page.title)
    pressed, facts = request.form.get("act"), None
    try:
        if len(token) > TOKEN_MAX:
            raise LinkInvalid
        if pressed == "confirm":
            page.act(token, origin())
        elif pressed == "other" and page.other:
            page.other.act(token, origin())
        else:
            pressed, facts = None, page.check(token)
    except Later:
        raise
    except ServiceError as refusal:
        return refused("confirmation/dead_link.html", refusal, page=page)
    if pressed is None:
        return render_template("confirmation/ask.html", page=page, token=token, facts=facts)
    done = page.other if pressed == "other" and page.other else page
    return render_template("confirmation/done.html", done=done, alarming=page.alarming or done is page.other)
