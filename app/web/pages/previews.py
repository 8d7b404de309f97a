"""Every email that we may send, in every language, with sample data: for whoever words them."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from app.core.errors import NotFound
from app.current import auth
from app.web.pages.sandboxed_html import sandboxed_html

pages_previews = Blueprint("previews", __name__, url_prefix="/mailbox/templates")


@pages_previews.get("")
def all_templates() -> ResponseReturnValue:
    """All of them, and which of the host's own templates are broken."""
    return render_template("mailbox/previews.html", previews=auth.template_previews.all())


@pages_previews.get("/<locale>/<kind>")
def preview_page(locale: str, kind: str) -> ResponseReturnValue:
    """One email: its subject, its text and its HTML rendition."""
    try:
        return render_template("mailbox/preview.html", preview=auth.template_previews.preview(kind, locale))
    except NotFound:
        return render_template("mailbox/no_preview.html"), 404


@pages_previews.get("/<locale>/<kind>/html")
def preview_html(locale: str, kind: str) -> ResponseReturnValue:
    """The HTML rendition alone."""
    try:
        return sandboxed_html(auth.template_previews.preview(kind, locale).message.html)
    except NotFound:
        abort(404)
