"""Sealed tokens: values that travel through a browser or an app, which can neither read nor change them."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.core import base64url
from app.core.clock import Clock
from app.core.encryption import decrypt_bytes, encrypt_bytes
from app.core.key_derivation import derive_key

SALT_BYTES: Final = 16
MAX_LENGTH: Final = 4_000  # a cookie has at most 4,096 bytes


@dataclass(frozen=True, slots=True)
class OpenedToken:
    """What was sealed, and until when the token is accepted. `unique` is that of no other token."""

    values: Mapping[str, Any] = field(repr=False)
    expires_at: datetime
    unique: bytes = field(repr=False)


class SealedTokens:
    """Encrypts values with the first of `secrets`, and opens tokens made with any of them.

    AES-256-GCM, with a key of its own for each token: anybody may ask for tokens, and one key would be used too often
    for random nonces (NIST SP 800-38D, 8.3). The purpose and the expiry are inside. Nothing is stored: who must accept
    a token once stores its use.
    """

    def __init__(self, secrets_: tuple[str, ...], clock: Clock) -> None:
        self._secrets, self._clock = secrets_, clock

    def seal(self, purpose: str, values: Mapping[str, object], lifetime: timedelta) -> str:
        """A token in base64url that is opened for `purpose` until `lifetime` is over. `values` must fit JSON."""
        expires_at = int((self._clock.now() + lifetime).timestamp())
        plain = json.dumps([expires_at, values], separators=(",", ":"), ensure_ascii=False).encode()
        salt = secrets.token_bytes(SALT_BYTES)
        return base64url.encode(salt + encrypt_bytes(plain, _key(self._secrets[0], salt), purpose.encode()))

    def open(self, purpose: str, token: str) -> OpenedToken | None:
        """What was sealed; None for a token that expired, is for another purpose, or was not made here."""
        if len(token) > MAX_LENGTH:
            return None
        try:
            sealed = base64url.decode(token)
            salt, rest = sealed[:SALT_BYTES], sealed[SALT_BYTES:]
            keys = tuple(_key(secret, salt) for secret in self._secrets)
            expires_at, values = json.loads(decrypt_bytes(rest, keys, purpose.encode()))
        except ValueError:
            return None
        if self._clock.now().timestamp() >= expires_at:
            return None
        return OpenedToken(values, datetime.fromtimestamp(expires_at, UTC), sealed)


def _key(secret: str, salt: bytes) -> bytes:
    return derive_key(secret, f"sealed token {salt.hex()}")
