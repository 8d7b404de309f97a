"""Previews of all emails in all languages with sample data, for authors of templates."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from app.core.errors import NotFound
from app.current import auth
from app.web.pages.sandboxed_html import sandboxed_html

pages_previews = Blueprint("previews", __name__, url_prefix="/mailbox/templates")


@pages_previews.get("")
def all_templates() -> ResponseReturnValue:
    """List all emails, and mark custom templates that are broken."""
    return render_template("mailbox/previews.html", previews=auth.template_previews.all())


@pages_previews.get("/<locale>/<kind>")
def preview_page(locale: str, kind: str) -> ResponseReturnValue:
    """Show one email: its subject, text and HTML."""
    try:
        return render_template("mailbox/preview.html", preview=auth.template_previews.preview(kind, locale))
    except NotFound:
        return render_template("mailbox/no_preview.html"), 404


@pages_previews.get("/<locale>/<kind>/html")
def preview_html(locale: str, kind: str) -> ResponseReturnValue:
    """The HTML of an email."""
    try:
        return sandboxed_html(auth.template_previews.preview(kind, locale).message.html)
    except NotFound:
        abort(404)
