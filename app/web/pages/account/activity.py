"""/account/activity: what happened to the account."""

from flask import request
from flask.typing import ResponseReturnValue

from app.core.pagination import InvalidCursor
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.pages.account.frame import account_pages, show, signed_in
from app.web.pages.redirects import path_here, see_other

pages_account_activity = account_pages("activity", "/activity")
PAGE_SIZE = 25


@pages_account_activity.get("")
@signed_in
def open_page(identity: Identity) -> ResponseReturnValue:
    """Show a page of events, newest first."""
    try:
        page = auth.activity.page(identity, PAGE_SIZE, request.args.get("after"))
    except InvalidCursor:
        return see_other(path_here())
    return show(identity, "activity", events=page.items, next=page.next)
