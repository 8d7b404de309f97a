"""ID tokens (OpenID Connect Core 1.0, 3.1.3.7), checked in full. The token does not choose who may sign it, or how."""

import hashlib
import hmac
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt

from app.core.clock import Clock
from app.core.provider_settings import ANY_TENANT, ProviderSettings
from app.domain.providers.errors import IdTokenInvalid
from app.domain.providers.key_set import JsonWebKey, KeySet, to_key
from app.domain.providers.metadata import Discovery

LEEWAY: Final = 60  # seconds that the provider's clock may differ
MAX_AGE: Final = timedelta(minutes=10)
LONGEST_USE: Final = MAX_AGE + timedelta(seconds=2 * LEEWAY)  # from the first moment at which a token is accepted
MAX_LENGTH: Final = 16_384
MAX_SUBJECT: Final = 255
log = logging.getLogger(__name__)

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token must say. `nonces` are the accepted ones, an empty tuple for a token that need not have one."""

    audiences: tuple[str, ...]
    nonces: tuple[str, ...]


class IdTokens:
    """Checks the ID tokens of one provider."""

    def __init__(self, settings: ProviderSettings, discovery: Discovery, keys: KeySet, clock: Clock) -> None:
        self._settings, self._discovery, self._keys, self._clock = settings, discovery, keys, clock

    def check(self, token: str, expected: Expected) -> Claims:
        """The claims. Raises `IdTokenInvalid`, and `ProviderUnavailable` if the keys cannot be read."""
        try:
            claims = self._verified(token)
            self._check_issuer(claims)
            _check_audience(claims, expected.audiences)
            self._check_times(claims)
            _check_nonce(claims, expected.nonces)
            _check_subject(claims)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
            log.info("ID token of %s rejected: %s", self._settings.id, error)
            raise IdTokenInvalid from None
        return claims

    def _verified(self, token: str) -> Claims:
        if len(token) > MAX_LENGTH or not token.isascii():
            raise ValueError("too long, or not ASCII")
        header = jwt.get_unverified_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._discovery.metadata().algorithms:
            raise ValueError("not an algorithm of this provider")
        found = self._keys.find(kid, algorithm)
        if found is None:
            raise ValueError("no key of this provider")
        decoded = jwt.api_jws.decode_complete(
            token, to_key(found, algorithm), [algorithm], options={"enforce_minimum_key_length": True}
        )
        claims = json.loads(decoded["payload"])
        if not isinstance(claims, dict):
            raise TypeError("not an object")
        self._check_key_issuer(found, claims)
        return claims

    def _check_issuer(self, claims: Claims) -> None:
        issuer, tenant, given = self._discovery.metadata().issuer, claims.get("tid"), claims.get("iss")
        if self._settings.kind == "microsoft":
            if self._settings.tenants and tenant not in self._settings.tenants:
                raise ValueError("of a tenant that is not in the settings")
            issuer = issuer.replace(ANY_TENANT, str(tenant))
        elif self._settings.kind == "google" and given == issuer.partition("://")[2]:
            return  # both forms are Google's
        if given != issuer:
            raise ValueError("of another issuer")

    def _check_key_issuer(self, key: JsonWebKey, claims: Claims) -> None:
        # Microsoft publishes the keys of all its clouds and tenants in one set, and says for each who may sign with it.
        if self._settings.kind != "microsoft" or "issuer" not in key:
            return
        if str(key["issuer"]).replace(ANY_TENANT, str(claims.get("tid"))) != claims.get("iss"):
            raise ValueError("signed with the key of another issuer")

    def _check_times(self, claims: Claims) -> None:
        now = self._clock.now().timestamp()
        issued, expires, begins = _time(claims["iat"]), _time(claims["exp"]), _time(claims.get("nbf", 0))
        if expires <= now - LEEWAY or issued < now - MAX_AGE.total_seconds() - LEEWAY:
            raise ValueError("too old")
        if max(issued, begins) > now + LEEWAY:
            raise ValueError("not valid yet")


def nonce_forms(nonce: str) -> tuple[str, str]:
    """The nonce as an app may have sent it: Apple's SDK for apps wants its SHA-256 in hexadecimal."""
    return nonce, hashlib.sha256(nonce.encode()).hexdigest()


def _check_audience(claims: Claims, accepted: tuple[str, ...]) -> None:
    given, presenter = claims.get("aud"), claims.get("azp")
    audiences = given if isinstance(given, list) else [given]
    if presenter is not None and presenter not in accepted:
        raise ValueError("for another client")
    if not audiences or not any(each in accepted for each in audiences):
        raise ValueError("for another audience")
    # A token that is also for others could come from one of them.
    if presenter is None and not all(each in accepted for each in audiences):
        raise ValueError("for several audiences without azp")


def _check_nonce(claims: Claims, nonces: tuple[str, ...]) -> None:
    if not nonces:
        return
    given = str(claims.get("nonce", "")).encode()
    if not any(hmac.compare_digest(given, nonce.encode()) for nonce in nonces):
        raise ValueError("without the nonce")


def _check_subject(claims: Claims) -> None:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT:
        raise ValueError("without a subject")
    if not subject.isascii() or not subject.isprintable():  # ASCII by OpenID Connect Core, 2
        raise ValueError("with a subject that is not printable ASCII")


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("with a time that is not a number")
    return float(value)
