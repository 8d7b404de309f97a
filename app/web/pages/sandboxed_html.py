"""An email's HTML as a page of its own, which a frame shows."""

import re

from flask import Response

# An email is a stranger's HTML: it may style itself and open a link in a new tab, and nothing else.
EMAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'"
)


def sandboxed_html(html: str) -> Response:
    """The HTML under a policy that lets it do nothing but be looked at."""
    return Response(_in_new_tabs(html), mimetype="text/html", headers={"Content-Security-Policy": EMAIL_POLICY})


def _in_new_tabs(html: str) -> str:
    # Our pages refuse to be framed, so a link that opened inside the frame would show nothing.
    base = '<base target="_blank">'
    with_base, heads = re.subn(r"<head\b[^>]*>", lambda head: head[0] + base, html, count=1, flags=re.IGNORECASE)
    return with_base if heads else base + html
