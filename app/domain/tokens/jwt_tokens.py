"""Access and refresh tokens: issued and verified with flask-jwt-extended, told apart by `typ` and `aud`.

RFC 7519 (JWT), RFC 8725 (JWT best current practices), RFC 9068 (JWT profile for access tokens).
"""

import hashlib
import re
import secrets
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from cachetools import FIFOCache
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.algorithms import ECAlgorithm
from jwt.utils import der_to_raw_signature

from app.core.base64url import is_canonical
from app.core.errors import Unauthenticated
from app.domain.tokens.keyring import KeyRing
from app.domain.tokens.keys import ALGORITHMS, Key, PublicKey

LEEWAY_SECONDS: Final = 30
MAX_LENGTH: Final = 4_096
CACHE_SIZE: Final = 10_000  # tokens
ACCESS: Final = "access"
REFRESH: Final = "refresh"
HEADER_TYPES: Final = {ACCESS: "at+jwt", REFRESH: "rt+jwt"}
# The callback that flask-jwt-extended calls for the key does not get the date of the token, on which the key depends.
_signing_key: ContextVar[Key] = ContextVar("signing key")
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


class InvalidToken(Unauthenticated):
    """The token was not issued here, is of the wrong kind, or its session has ended."""

    code = "invalid_token"
    detail = "Invalid or revoked token. Sign in again."


class TokenExpired(InvalidToken):
    """The token is valid but has expired."""

    code = "token_expired"
    detail = "This token has expired. Refresh it, or sign in again."


class WrongKind(InvalidToken):
    """A refresh token in the place of an access token, or the other way round."""


class RepeatableES256(ECAlgorithm):
    """ES256 with deterministic signatures (RFC 6979): equal claims give the same token, byte for byte."""

    def __init__(self) -> None:
        super().__init__(ECAlgorithm.SHA256, ec.SECP256R1)

    def sign(self, msg: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
        """The signature of `msg`, the same every time."""
        signature = key.sign(msg, ec.ECDSA(self.hash_alg(), deterministic_signing=True))
        return der_to_raw_signature(signature, key.curve)


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a verified token."""

    kind: str
    account_id: str
    session_id: str
    generation: int
    credentials_version: int | None  # only in refresh tokens; None in those of older releases
    kid: str
    expires_at: float


class JwtTokens:
    """Issues and verifies access and refresh tokens, in the context of an app that `init_jwt` has set up."""

    def __init__(self, keys: KeyRing, *, access_lifetime: timedelta, issuer: str, audience: str) -> None:
        self._keys, self._access_lifetime = keys, access_lifetime
        self._audiences = {ACCESS: audience, REFRESH: issuer}
        # The oldest entry is dropped first, and expires first. Reading changes nothing, so only writing takes a lock.
        self._verified: FIFOCache[bytes, Claims] = FIFOCache(CACHE_SIZE)
        self._adding = threading.Lock()

    def require_keys(self) -> None:
        """Read the signing keys now, if they were not read lately. Raises `KeysUnreadable`."""
        self._keys.all()

    def access(
        self, account_id: str, session_id: str, roles: list[str], now: datetime, authentication: dict[str, object]
    ) -> tuple[str, int]:
        """An access token and its lifetime in seconds: up to 5 % less than set, so that clients return spread out.

        `authentication`: the claims `amr`, `acr` and `auth_time` (RFC 9068, 2.2.1).
        """
        seconds = self._access_lifetime.total_seconds()
        lifetime = int(seconds - secrets.randbelow(int(seconds * 0.05) + 1))
        issued = int(now.timestamp())
        claims = {"sid": session_id, "roles": roles, "iat": issued, "nbf": issued, "exp": issued + lifetime}
        claims |= authentication
        headers = self._headers(ACCESS, now)
        return create_access_token(account_id, additional_claims=claims, additional_headers=headers), lifetime

    def refresh(
        self,
        account_id: str,
        session_id: str,
        generation: int,
        issued_at: datetime,
        expires_at: datetime,
        credentials_version: int,
    ) -> str:
        """The refresh token of one generation of a session: equal arguments give the same bytes, whenever and wherever.

        `credentials_version` is that of the account when the token is issued. It serves to recognise a trusted device,
        not to grant access; see `app/flows/steps/recognize_device.py`.
        """
        issued = int(issued_at.timestamp())
        claims = {
            "sid": session_id,
            "gen": generation,
            "jti": f"{session_id}.{generation}",
            "aud": self._audiences[REFRESH],
            "iat": issued,
            "nbf": issued,
            "exp": int(expires_at.timestamp()),
            "ver": credentials_version,
        }
        headers = self._headers(REFRESH, issued_at)
        return str(create_refresh_token(account_id, additional_claims=claims, additional_headers=headers))

    def read(self, token: str, kind: str) -> Claims:
        """Verify a token. Raises `InvalidToken` if it is not ours or not of this kind, or `TokenExpired`.

        A valid signature stays valid, so the claims are cached by the digest of the token. Whether the session is
        live may change and is not cached.
        """
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._cached(digest)
        if claims is None or self._keys.find(claims.kid) is None:
            claims = self._check(token)
            with self._adding:
                self._verified[digest] = claims
        if claims.kind != kind:
            raise WrongKind(f"Wrong kind of token. Send the {kind} token instead of the {claims.kind} token.")
        if claims.expires_at + LEEWAY_SECONDS <= time.time():
            raise TokenExpired
        return claims

    def _cached(self, digest: bytes) -> Claims | None:
        try:  # not `get`, which accesses the cache twice: another thread may drop the entry in between
            return self._verified[digest]
        except KeyError:
            return None

    def _check(self, token: str) -> Claims:
        if len(token) > MAX_LENGTH or not _COMPACT.fullmatch(token) or not is_canonical(token):
            raise InvalidToken
        try:
            payload, header = decode_token(token), jwt.get_unverified_header(token)
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except (jwt.PyJWTError, JWTExtendedException, ValueError, TypeError):
            raise InvalidToken from None
        claims = _to_claims(payload, header)
        if payload.get("aud") != self._audiences[claims.kind]:
            raise InvalidToken
        return claims

    def _headers(self, kind: str, now: datetime) -> dict[str, str]:
        key = self._keys.signing(now)
        _signing_key.set(key)
        return {"typ": HEADER_TYPES[kind], "kid": key.kid, "alg": key.algorithm}

    def checking_key(self, header: dict[str, Any]) -> PublicKey:
        """The key that verifies a token. Raises `jwt.InvalidKeyError` for an unknown key id or another algorithm."""
        kid = header.get("kid")
        key = self._keys.find(kid) if isinstance(kid, str) else None
        if key is None or header.get("alg") != key.algorithm:
            raise jwt.InvalidKeyError("unknown key id, or not the algorithm of this key")
        return key.public

    def init_jwt(self, app: Flask) -> JWTManager:
        """Make flask-jwt-extended use the key ring, also for routes with its own `@jwt_required()`."""
        if not isinstance(jwt.api_jws._jws_global_obj.get_algorithm_by_name("ES256"), RepeatableES256):
            jwt.unregister_algorithm("ES256")
            jwt.register_algorithm("ES256", RepeatableES256())
        app.config.update(
            JWT_DECODE_ALGORITHMS=list(ALGORITHMS),
            JWT_DECODE_LEEWAY=LEEWAY_SECONDS,
            JWT_ENCODE_ISSUER=self._audiences[REFRESH],
            JWT_DECODE_ISSUER=self._audiences[REFRESH],
            JWT_ENCODE_AUDIENCE=self._audiences[ACCESS],
            JWT_DECODE_AUDIENCE=list(self._audiences.values()),
            JWT_COOKIE_CSRF_PROTECT=False,
            JWT_ACCESS_TOKEN_EXPIRES=False,
            JWT_REFRESH_TOKEN_EXPIRES=False,
        )
        manager = JWTManager(app)
        manager.encode_key_loader(lambda _identity: _signing_key.get().private)
        manager.decode_key_loader(lambda header, _payload: self.checking_key(header))
        return manager


def _to_claims(payload: dict[str, Any], header: dict[str, Any]) -> Claims:
    kind, session_id, generation = payload.get("type"), payload.get("sid"), payload.get("gen", 0)
    type_matches = isinstance(kind, str) and header.get("typ") == HEADER_TYPES.get(kind)
    if not type_matches or not isinstance(session_id, str) or type(generation) is not int or "exp" not in payload:
        raise InvalidToken
    version = payload.get("ver")
    return Claims(
        str(kind),
        payload["sub"],
        session_id,
        generation,
        version if type(version) is int else None,
        str(header["kid"]),
        float(payload["exp"]),
    )
