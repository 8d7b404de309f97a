"""Addresses: which ones we take, and the one canonical form that identifies an account."""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from app.core.errors import Invalid

MAX_LENGTH = 254

# `=?` begins an encoded word: a library further on may decode it into another recipient than the one we checked.
# A quoted local part, a control character or a comment gives parsers of mail room to disagree likewise.
_SUSPICIOUS = re.compile(r'=\?|["\\()<>,;:\s]|[\x00-\x20\x7f]')

# Default_Ignorable_Code_Point of Unicode 17 (DerivedCoreProperties.txt), which `unicodedata` does not tell. They show
# nothing, and UTS 46 drops most of them: a domain with one would be taken for its twin without.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


class InvalidEmail(Invalid):
    """Not an address we can send an email to."""

    code = "invalid_email"
    detail = "This is not an email address we can send to."
    field = "email"


@dataclass(frozen=True, slots=True)
class Address:
    """An address as typed (emails go there) and its canonical form (accounts are found by it)."""

    typed: str
    canonical: str


def parse_address(text: str) -> Address:
    """The address in `text`, or `InvalidEmail`. Equal mailboxes, however spelled, get equal canonical forms.

    Local parts outside ASCII are refused: most mail servers cannot take them (RFC 6531), and look-alikes of another
    person's address are made of them.
    """
    typed = text.strip(" ")
    if len(typed) > MAX_LENGTH or _SUSPICIOUS.search(typed) or _INVISIBLE.search(typed):
        raise InvalidEmail
    try:
        valid = validate_email(typed, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as wrong:
        raise InvalidEmail(str(wrong)) from None
    domain = valid.ascii_domain or valid.domain
    canonical = f"{unicodedata.normalize('NFKC', valid.local_part).casefold()}@{domain.lower()}"
    if len(canonical) > MAX_LENGTH:
        raise InvalidEmail
    return Address(typed=f"{valid.local_part}@{domain}", canonical=canonical)
