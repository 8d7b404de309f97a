"""/admin: the console for administrators. The page has no data: its scripts ask the HTTP API, which decides."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.current import settings
from app.web.pages.emailed_links import with_error_pages

pages_console = with_error_pages(Blueprint("pages_console", __name__, url_prefix="/admin"))


@pages_console.get("")
def open_console() -> ResponseReturnValue:
    """The page in which the console runs."""
    return render_template("console/page.html", accepts_invitations=settings.sign_up != "closed")
