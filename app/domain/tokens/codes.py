"""Short codes to type on another device, derived from the id of their message and stored nowhere."""

import hashlib
import hmac
from typing import Final

from app.core.errors import Invalid
from app.core.key_derivation import derive_key

ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628, 6.1: no vowels, so no words; no characters that look alike
LENGTH: Final = 8


class CodeInvalid(Invalid):
    """The code is wrong, expired or used; the error does not reveal which."""

    code = "code_invalid"
    detail = "This code is wrong, has expired or was tried too often. Use the link in the email, or request a new one."
    field = "code"


class Codes:
    """Derives the code of a message from the first of `secrets`, and accepts the code of any of them.

    With 20^8 codes and five attempts, the chance to guess one is 1 in 5 * 10^9 for each secret.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._keys = [derive_key(secret, "codes") for secret in secrets]

    def of(self, purpose: str, account_id: str, message_id: int) -> str:
        """The code as shown in the email, such as WDJB-MJHT."""
        code = _code(self._keys[0], f"{purpose}|{account_id}|{message_id}")
        return f"{code[:4]}-{code[4:]}"

    def matches(self, code: str, purpose: str, account_id: str, message_id: int) -> bool:
        """Whether the typed code is that of the message; case, dashes and spaces are ignored."""
        typed = "".join(character for character in code.upper() if character in ALPHABET).encode()
        expected = (_code(key, f"{purpose}|{account_id}|{message_id}") for key in self._keys)
        return any(hmac.compare_digest(typed, code.encode()) for code in expected)


def _code(key: bytes, subject: str) -> str:
    number = int.from_bytes(hmac.digest(key, subject.encode(), hashlib.sha256), "big")
    return "".join(ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(LENGTH))
