"""Access and refresh tokens: issued and verified here, told apart by `typ` and `aud`.

RFC 7519 (JWT), RFC 8725 (JWT best current practices), RFC 9068 (JWT profile for access tokens). The claims are those of
flask-jwt-extended, so that a host application can use its decorators with these tokens.
"""

import hashlib
import re
import secrets
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from cachetools import FIFOCache
from flask import Flask
from flask_jwt_extended import JWTManager

from app.core.errors import Unauthenticated
from app.domain.tokens import jws
from app.domain.tokens.keyring import KeyRing
from app.domain.tokens.keys import ALGORITHMS, PublicKey

LEEWAY_SECONDS: Final = 30
MAX_LENGTH: Final = 4_096
CACHE_SIZE: Final = 10_000  # tokens
ACCESS: Final = "access"
REFRESH: Final = "refresh"
HEADER_TYPES: Final = {ACCESS: "at+jwt", REFRESH: "rt+jwt"}
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
        self._issuer, self._audiences = issuer, {ACCESS: audience, REFRESH: issuer}
        # The oldest entry is dropped first, and expires first. Reading changes nothing, so only writing takes a lock.
        self._verified: FIFOCache[bytes, Claims] = FIFOCache(CACHE_SIZE)
        self._adding = threading.Lock()

    def require_keys(self) -> None:
        """Read the signing keys now, if they were not read lately. Raises `KeysUnreadable`."""
        self._keys.all()

    def access(
        self, account_id: str, session_id: str, roles: list[str], now: datetime, further: dict[str, object]
    ) -> tuple[str, int]:
        """An access token and its lifetime in seconds: up to 5 % less than set, so that clients return spread out.

        `further`: the claims `amr`, `acr` and `auth_time` (RFC 9068, 2.2.1), and what else the account may do.
        """
        seconds = self._access_lifetime.total_seconds()
        lifetime = int(seconds - secrets.randbelow(int(seconds * 0.05) + 1))
        issued = int(now.timestamp())
        claims = {
            "fresh": False,
            "iat": issued,
            "jti": str(uuid.uuid4()),
            "type": ACCESS,
            "sub": account_id,
            "nbf": issued,
            "aud": self._audiences[ACCESS],
            "iss": self._issuer,
            "sid": session_id,
            "roles": roles,
            "exp": issued + lifetime,
            **further,
        }
        return jws.sign(claims, HEADER_TYPES[ACCESS], self._keys.signing(now)), lifetime

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
            "fresh": False,
            "iat": issued,
            "jti": f"{session_id}.{generation}",
            "type": REFRESH,
            "sub": account_id,
            "nbf": issued,
            "aud": self._audiences[REFRESH],
            "iss": self._issuer,
            "sid": session_id,
            "gen": generation,
            "exp": int(expires_at.timestamp()),
            "ver": credentials_version,
        }
        return jws.sign(claims, HEADER_TYPES[REFRESH], self._keys.signing(issued_at))

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
        if len(token) > MAX_LENGTH or not _COMPACT.fullmatch(token):
            raise InvalidToken
        try:
            header, payload = jws.verify(token, self.checking_key)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise InvalidToken from None
        claims = _to_claims(payload, header)
        if (payload.get("iss"), payload.get("aud")) != (self._issuer, self._audiences[claims.kind]):
            raise InvalidToken
        return claims

    def checking_key(self, header: dict[str, Any]) -> PublicKey:
        """The key that verifies a token. Raises `jwt.InvalidKeyError` for an unknown key id or another algorithm."""
        kid = header.get("kid")
        key = self._keys.find(kid) if isinstance(kid, str) else None
        if key is None or header.get("alg") != key.algorithm:
            raise jwt.InvalidKeyError("unknown key id, or not the algorithm of this key")
        return key.public

    def init_jwt(self, app: Flask) -> JWTManager:
        """Make flask-jwt-extended verify with the key ring, for routes with its `@jwt_required()`."""
        app.config.update(
            JWT_DECODE_ALGORITHMS=list(ALGORITHMS),
            JWT_DECODE_LEEWAY=LEEWAY_SECONDS,
            JWT_DECODE_ISSUER=self._issuer,
            JWT_DECODE_AUDIENCE=list(self._audiences.values()),
            JWT_COOKIE_CSRF_PROTECT=False,
        )
        manager = JWTManager(app)
        manager.encode_key_loader(_refuse_to_sign)
        manager.decode_key_loader(lambda header, _payload: self.checking_key(header))
        return manager


def _refuse_to_sign(_identity: object) -> PublicKey:
    raise RuntimeError("Tokens belong to a session. Open one by a flow of the service, not by create_access_token().")


def _to_claims(payload: dict[str, Any], header: dict[str, Any]) -> Claims:
    kind, version = payload.get("type"), payload.get("ver")
    names = [payload.get(name) for name in ("sub", "sid", "jti")]
    numbers = [payload.get(name) for name in ("iat", "nbf", "exp")] + [payload.get("gen", 0)]
    if not isinstance(kind, str) or header.get("typ") != HEADER_TYPES.get(kind):
        raise InvalidToken
    if not all(isinstance(name, str) for name in names) or any(type(each) is not int for each in numbers):
        raise InvalidToken
    if max(payload["iat"], payload["nbf"]) > time.time() + LEEWAY_SECONDS:
        raise InvalidToken
    return Claims(
        kind,
        payload["sub"],
        payload["sid"],
        payload.get("gen", 0),
        version if type(version) is int else None,
        str(header["kid"]),
        float(payload["exp"]),
    )
