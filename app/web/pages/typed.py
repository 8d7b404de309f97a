"""What people type into the forms of the pages."""

import re
import unicodedata
from typing import Final

from app.core.errors import Invalid

PASSWORD_MAX: Final = 1_024
EMAIL_MAX: Final = 254
FACTOR_NAME_MAX: Final = 60
SEPARATORS: Final = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
CODE: Final = re.compile(r"([A-Za-z]{4})([A-Za-z]{4})")


class _BadEmail(Invalid):
    field = "email"


class _BadCode(Invalid):
    field = "code"


class _BadPassword(Invalid):
    field = "password"


class _BadName(Invalid):
    pass


def name_in(typed: str, field: str, longest: int = 100) -> str | None:
    """The name without surrounding spaces, None if it is empty. Raises an error that names the field."""
    name = typed.strip()
    if len(name) > longest or not name.isprintable():
        raise _BadName(f"Use at most {longest} characters, and no control characters.", field=field)
    return name or None


def code_in(typed: str) -> str:
    """The code as in the email; accepts lower case, spaces, and any or no dash. Empty if it is not a code."""
    found = CODE.fullmatch(SEPARATORS.sub("", unicodedata.normalize("NFKC", typed)))
    return "-".join(found.groups()).upper() if found else ""


def totp_code_in(typed: str) -> str:
    """The six digits of an authenticator app without spaces; the text as it is if there are others."""
    digits = "".join(typed.split())
    return digits if len(digits) == 6 and digits.isascii() and digits.isdigit() else typed.strip()[:80]


def well_formed(typed: str) -> str:
    """The code. Raises an error that names the field."""
    if code := code_in(typed):
        return code
    raise _BadCode("A code has eight letters, such as WDJB-MJHT.")


def mailable(email: str) -> str:
    """The address, if it is not too long. Raises an error that names the field."""
    if len(email) > EMAIL_MAX:
        raise _BadEmail(f"An email address has at most {EMAIL_MAX} characters.")
    return email


def check_length(password: str) -> str:
    """The password, if it is not too long. Raises an error that names the field."""
    if len(password) > PASSWORD_MAX:
        raise _BadPassword(f"A password has at most {PASSWORD_MAX:,} characters.")
    return password
