"""The public keys of a provider (RFC 7517), of which each ID token names one."""

from collections.abc import Mapping
from typing import Any, Final

import jwt

from app.domain.providers.cached import Cached
from app.domain.providers.connection import ProviderConnection
from app.domain.providers.metadata import Discovery

FRESH: Final = 300  # seconds; a key that the provider withdraws is accepted for so long
USABLE: Final = 3_600
COOL_DOWN: Final = 30  # seconds in which tokens with unknown keys cause one request at most
MOST_KEYS: Final = 100
KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}

JsonWebKey = Mapping[str, Any]


class KeySet:
    """Finds keys in the set that the provider publishes, and reads it again when a token names an unknown one."""

    def __init__(self, discovery: Discovery, connection: ProviderConnection) -> None:
        self._discovery, self._connection = discovery, connection
        self._cached = Cached(self._read, fresh=FRESH, usable=USABLE)

    def find(self, kid: str | None, algorithm: str) -> JsonWebKey | None:
        """The key of a token, or None. Raises `ProviderUnavailable`.

        A token without `kid` is accepted if there is only one key that it can mean (OpenID Connect Core, 10.1).
        """
        return _choose(self._cached.get(), kid, algorithm) or _choose(self._cached.get(COOL_DOWN), kid, algorithm)

    def _read(self) -> list[JsonWebKey]:
        found = self._connection.get(self._discovery.metadata().jwks_uri)
        keys = found.get("keys") if isinstance(found, dict) else None
        if not isinstance(keys, list) or len(keys) > MOST_KEYS:
            raise self._connection.failed("its key set cannot be used")
        return [key for key in keys if isinstance(key, dict)]


def _choose(keys: list[JsonWebKey], kid: str | None, algorithm: str) -> JsonWebKey | None:
    suitable = [
        key
        for key in keys
        if key.get("kty") == KEY_TYPES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    return suitable[0] if len(suitable) == 1 else None


def to_key(found: JsonWebKey, algorithm: str) -> jwt.PyJWK:
    """The key, bound to the algorithm. Raises `jwt.PyJWTError`."""
    return jwt.PyJWK(dict(found), algorithm)
