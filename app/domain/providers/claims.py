"""What a provider says about a person: names, and an email address that counts or does not."""

from collections.abc import Mapping
from typing import Any, Final

from app.core.provider_settings import EmailTrust
from app.core.text import clean

MAX_EMAIL: Final = 254
MAX_NAME: Final = 100
GMAIL: Final = "gmail.com"


def email_of(value: object) -> str | None:
    """The address, if it is a text that may be one."""
    if not isinstance(value, str) or not 3 <= len(value) <= MAX_EMAIL or not value.isprintable() or "@" not in value:
        return None
    return value


def name_of(value: object) -> str | None:
    """A name that fits its column; None if there is none."""
    return (clean(value, MAX_NAME).strip() or None) if isinstance(value, str) else None


def split_name(full: object) -> tuple[str | None, str | None]:
    """The first word of a full name, and the rest."""
    first, _, last = (name_of(full) or "").partition(" ")
    return first or None, last.strip() or None


def is_true(value: object) -> bool:
    """Whether a claim is true. Apple sends the text "true", and "false" would be true by its truth value."""
    return value is True or value == "true"


def is_trusted(trust: EmailTrust, email: str | None, *, verified: bool, claims: Mapping[str, Any]) -> bool:
    """Whether the rule of the settings accepts the address. `verified` is what the provider says."""
    if email is None or not verified:
        return False
    domain = email.rpartition("@")[2].lower()
    if trust.rule == "google":
        # Google is authoritative for Gmail, and for addresses of its hosted domains (`hd`). A Google account with any
        # other address was verified once, and the address may have changed hands since.
        return domain == GMAIL or bool(claims.get("hd"))
    return trust.rule == "verified" or (trust.rule == "domains" and domain in trust.domains)
