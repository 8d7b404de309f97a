"""Short codes for typing on another device: derived from the email that carries them, kept nowhere."""

import hashlib
import hmac
from typing import Final

from app.core.errors import Invalid

ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628, 6.1: no vowels, so no words; nothing that looks like another
LENGTH: Final = 8


class CodeInvalid(Invalid):
    """A code that is wrong, or right no longer; which of them is not said."""

    code = "code_invalid"
    detail = "This code is wrong, has expired or was tried too often. Use the link in the email, or ask for a new one."
    field = "code"


class Codes:
    """Derives the code of an email from the first of `secrets`, and takes that of any.

    20^8 codes, five tries: a guess succeeds once in five thousand million, for each secret.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._keys = [hmac.digest(secret.encode(), b"latchkey codes", hashlib.sha256) for secret in secrets]

    def of(self, purpose: str, account_id: str, message_id: int) -> str:
        """The code as it is printed: WDJB-MJHT."""
        code = _code(self._keys[0], f"{purpose}|{account_id}|{message_id}")
        return f"{code[:4]}-{code[4:]}"

    def matches(self, code: str, purpose: str, account_id: str, message_id: int) -> bool:
        """Whether a person typed that code; case, dashes and spaces do not matter."""
        typed = "".join(character for character in code.upper() if character in ALPHABET).encode()
        codes = (_code(key, f"{purpose}|{account_id}|{message_id}") for key in self._keys)
        return any(hmac.compare_digest(typed, wanted.encode()) for wanted in codes)


def _code(key: bytes, subject: str) -> str:
    number = int.from_bytes(hmac.digest(key, subject.encode(), hashlib.sha256), "big")
    return "".join(ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(LENGTH))
