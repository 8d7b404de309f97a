"""Access and refresh tokens: minted and checked by flask-jwt-extended, kept apart by kind, remembered once checked.

RFC 7519 (JWT), RFC 8725 (its best practice), RFC 9068 (the access token's profile).
"""

import hashlib
import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
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
CACHE_SIZE: Final = 10_000
ACCESS: Final = "access"
REFRESH: Final = "refresh"
HEADER_TYPES: Final = {ACCESS: "at+jwt", REFRESH: "rt+jwt"}
# flask-jwt-extended asks a callback for the key and tells it nothing; which key it is depends on the token's date.
_signing_key: ContextVar[Key] = ContextVar("signing key")
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


class InvalidToken(Unauthenticated):
    """The token is not one of ours, not of the kind this route takes, or its session is over."""

    code = "invalid_token"
    detail = "This token is not valid here, or no longer. Sign in again."


class TokenExpired(InvalidToken):
    """The token was ours, but its time is over."""

    code = "token_expired"
    detail = "This token has expired. Refresh it, or sign in again."


class RepeatableES256(ECAlgorithm):
    """ES256 whose signatures are derived, not drawn (RFC 6979): equal claims give the same token, byte for byte."""

    def __init__(self) -> None:
        super().__init__(ECAlgorithm.SHA256, ec.SECP256R1)

    def sign(self, msg: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
        """The signature of `msg`, always the same."""
        signature = key.sign(msg, ec.ECDSA(self.hash_alg(), deterministic_signing=True))
        return der_to_raw_signature(signature, key.curve)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a checked token says: whose session it is of, and which turn of it."""

    kind: str
    account_id: str
    session_id: str
    generation: int
    credentials_version: int | None  # of a refresh token; None in those of older releases
    kid: str
    expires_at: float


class JwtTokens:
    """Mints and checks the two kinds of bearer token. Needs the context of an app given to `install`."""

    def __init__(self, keys: KeyRing, *, access_lifetime: timedelta, issuer: str, audience: str) -> None:
        self._keys, self._access_lifetime = keys, access_lifetime
        self._audiences = {ACCESS: audience, REFRESH: issuer}
        self._verified: dict[bytes, Claims] = {}

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
        """The refresh token of one generation of a session: the same bytes whenever and wherever it is minted.

        `credentials_version`: those that the account has now. It gives no access; see `flows/steps/known_device.py`.
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
        """What the token says; `InvalidToken` unless it is ours, of this kind and in its time.

        That a signature is right stays true, so it is remembered by the token's digest. Whether the session still
        lives does not, and is never remembered.
        """
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._verified.get(digest)
        if claims is None or self._keys.find(claims.kid) is None:
            claims = self._check(token)
            if len(self._verified) >= CACHE_SIZE:
                self._verified.clear()
            self._verified[digest] = claims
        if claims.kind != kind:
            raise InvalidToken(f"This route needs the {kind} token, and this is the {claims.kind} token.")
        if claims.expires_at + LEEWAY_SECONDS <= time.time():
            raise TokenExpired
        return claims

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
        """The key to check a token with; a PyJWT error for a name or an algorithm that is not ours."""
        kid = header.get("kid")
        key = self._keys.find(kid) if isinstance(kid, str) else None
        if key is None or header.get("alg") != key.algorithm:
            raise jwt.InvalidKeyError("no such key")
        return key.public

    def init_jwt(self, app: Flask) -> JWTManager:
        """Let flask-jwt-extended sign and check with our keys, for us and for any route under `@jwt_required()`."""
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
    right_type = isinstance(kind, str) and header.get("typ") == HEADER_TYPES.get(kind)
    if not right_type or not isinstance(session_id, str) or type(generation) is not int or "exp" not in payload:
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
