"""The mailbox of the mail console, in development: all received emails and their links."""

import re
from datetime import UTC, datetime

from flask import Blueprint, abort, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue

from app.current import auth, settings
from app.web.pages.emailed_links import with_error_pages
from app.web.pages.previews import pages_previews
from app.web.pages.sandboxed_html import sandboxed_html

LINK = re.compile(r"\b[a-z][a-z0-9+.-]*:[^\s<>\"]+", re.IGNORECASE)
PAGE = re.compile(r"https?://[^/]+/.+", re.IGNORECASE)  # with a path; the URL of a site alone is a signature
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

pages_mailbox = with_error_pages(Blueprint("pages_mailbox", __name__, url_prefix="/dev"))
pages_mailbox.register_blueprint(pages_previews)


@pages_mailbox.get("/mailbox")
def inbox() -> ResponseReturnValue:
    """Show all emails, newest first; or where to find them if the mail console is not running in this process."""
    if auth.mailbox is None or not auth.mailbox.is_running:
        server = f"{current_app.config.get('MAIL_SERVER')}:{current_app.config.get('MAIL_PORT')}"
        return render_template("mailbox/elsewhere.html", server=server)
    return render_template("mailbox/inbox.html", messages=auth.mailbox.messages(), ago=ago)


@pages_mailbox.get("/mailbox.json")
def inbox_json() -> ResponseReturnValue:
    """Return all emails, newest first, for scripts."""
    return jsonify(
        messages=[
            {
                "id": message.id,
                "to": message.to,
                "subject": message.subject,
                "text": message.text,
                "received_at": message.received_at.isoformat(),
                "links": links_in(message.text),
            }
            for message in (auth.mailbox.messages() if auth.mailbox else ())
        ]
    )


@pages_mailbox.get("/mailbox/<message_id>")
def message_page(message_id: str) -> ResponseReturnValue:
    """Show one email: its headers, links, text and HTML."""
    message = auth.mailbox.message(message_id) if auth.mailbox else None
    if message is None:
        return render_template("mailbox/missing.html"), 404
    return render_template("mailbox/message.html", message=message, links=links_in(message.text), ago=ago)


@pages_mailbox.get("/mailbox/<message_id>/html")
def message_html(message_id: str) -> ResponseReturnValue:
    """The HTML of an email, with a policy that allows it to be displayed and nothing else."""
    message = auth.mailbox.message(message_id) if auth.mailbox else None
    if message is None or not message.html:
        abort(404)
    return sandboxed_html(message.html)


def links_in(text: str) -> list[str]:
    """The distinct links in the text of an email, without trailing punctuation.

    Includes web links and links with the app schemes of the settings; anything else is shown as text.
    """
    urls = (settings.reset_password_url, settings.verify_email_url, settings.sign_in_url)
    of_apps = tuple(url.partition("{token}")[0] for url in urls if not url.startswith("http"))
    found = dict.fromkeys(link.rstrip(".,;:!?)]'") for link in LINK.findall(text))
    signature = settings.public_url
    return [link for link in found if link != signature and (PAGE.match(link) or link.startswith(of_apps))]


def ago(moment: datetime) -> str:
    """The time since then, in words."""
    seconds = int((datetime.now(UTC) - moment).total_seconds())
    for size, unit in UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
