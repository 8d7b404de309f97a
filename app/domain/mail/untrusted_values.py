"""Makes values that a client may have chosen safe before a template uses them."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final

from app.core.untrusted_text import without_links

# Created by us or from the settings, and partly meant to be links. Any other text may be chosen by a client.
TRUSTED: Final = frozenset(
    {"code", "final_at", "forgot_password_url", "link", "not_me_url", "public_url", "sign_in_url", "undo_url"}
)
# Mail programs turn these into a `mailto:` at most. Other local parts may be links: `www.evil.example/login`.
_PLAIN_ADDRESS = re.compile(r"(?![^@]*www\.)[\w.+'-]+@[\w.-]+", re.IGNORECASE)


def make_safe(values: Mapping[str, object]) -> dict[str, object]:
    """The values without anything in untrusted text that a mail program turns into a link."""
    return {
        name: _RULES.get(name, without_links)(value) if isinstance(value, str) and name not in TRUSTED else value
        for name, value in values.items()
    }


def _email_address(text: str) -> str:
    return text if _PLAIN_ADDRESS.fullmatch(text) else without_links(text)


def _ip_address(text: str) -> str:
    address = text.partition("%")[0]  # a zone may be any text
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return without_links(text)
    return address


_RULES: Final[Mapping[str, Callable[[str], str]]] = {"new_email": _email_address, "ip": _ip_address}
