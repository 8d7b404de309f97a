"""Email addresses: which are accepted, and the canonical form that identifies an account."""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from app.core.errors import Invalid

MAX_LENGTH = 254

# `=?` begins an encoded word (RFC 2047): a mail library may decode it to another recipient than the one checked here.
# Quoted local parts, control characters and comments are read differently by different parsers, too.
_SUSPICIOUS = re.compile(r'=\?|["\\()<>,;:\s]|[\x00-\x20\x7f]')

# Default_Ignorable_Code_Point of Unicode 17 (DerivedCoreProperties.txt), which `unicodedata` does not have. They are
# invisible, and UTS 46 drops most of them: a domain with one would become the same domain as without it.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


class InvalidEmail(Invalid):
    """The text is not an email address that emails can be sent to."""

    code = "invalid_email"
    detail = "Invalid email address. Check it for typing errors."
    field = "email"


@dataclass(frozen=True, slots=True)
class Address:
    """An email address as typed (emails go there) and in canonical form (accounts are found by it)."""

    typed: str
    canonical: str


def parse_address(text: str) -> Address:
    """Parse an email address. All spellings of one mailbox get the same canonical form.

    Raises `InvalidEmail`, also for local parts outside ASCII: most mail servers do not accept them (RFC 6531), and
    they allow look-alikes of another person's address.
    """
    typed = text.strip(" ")
    if len(typed) > MAX_LENGTH or _SUSPICIOUS.search(typed) or _INVISIBLE.search(typed):
        raise InvalidEmail
    try:
        valid = validate_email(typed, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidEmail(str(error)) from None
    domain = valid.ascii_domain or valid.domain
    canonical = f"{unicodedata.normalize('NFKC', valid.local_part).casefold()}@{domain.lower()}"
    if len(canonical) > MAX_LENGTH:
        raise InvalidEmail
    return Address(typed=f"{valid.local_part}@{domain}", canonical=canonical)
