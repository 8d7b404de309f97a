"""Texts that try to place a link in what other people read, and a pattern that finds such links."""

import re
from html import unescape

TEXTS = (
    "evil.example", "www.evil.example/1.0", "https://evil.example/x", "//evil.example", "HTTP:\\\\evil.example",
    "evil.example on Windows", "mail@evil.example", "mailto:mail@evil.example", "tel:+18005550199",
    "Call +1 (800) 555-0199 now", "Call 1 800 555 0199", "192.0.2.66/login", "<a href=https://evil.example>here</a>",
    "[here](https://evil.example)", "evil.example\r\nBcc: eve@evil.example", "\u202eelpmaxe.live", "ev\u00adil.example",
    "evil\u3002example", "evil.exam\u200bple", "Mozilla/5.0 (Linux; Android 10; evil.example Build/1) Chrome/120.0.1",
    "evil.example/1 CFNetwork/1408.0.4 Darwin/22.5.0", "Mozilla/5.0 (compatible; evil.example/bot; +http://evil.example)",
    "javascript:alert(1)", "x" * 300 + ".example", "evil.example " * 30,
)  # fmt: skip
LINKED = re.compile(
    r"//|www\.|@|\b[a-z]{3,}:\S|[\w-][.\u3002][a-z]|(?:\d+\.){3}\d|\d[\d ().+-]{6,}\d|[\u00ad\u200b\u202e]",
    re.IGNORECASE,
)


def visible_text(html: str) -> str:
    """The visible text of HTML."""
    return unescape(re.sub(r"<[^>]+>", " ", html))
