"""The HTML of an email as a separate page, to be shown in a frame."""

import re

from flask import Response

# The HTML is untrusted: it may use inline styles and open links in a new tab, and nothing else.
EMAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'"
)


def sandboxed_html(html: str) -> Response:
    """The HTML, with a policy that allows it to be displayed and nothing else."""
    return Response(_in_new_tabs(html), mimetype="text/html", headers={"Content-Security-Policy": EMAIL_POLICY})


def _in_new_tabs(html: str) -> str:
    # The pages of this service forbid framing, so links must not open inside the frame.
    base = '<base target="_blank">'
    with_base, heads = re.subn(r"<head\b[^>]*>", lambda head: head[0] + base, html, count=1, flags=re.IGNORECASE)
    return with_base if heads else base + html
