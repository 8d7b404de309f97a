"""Signing keys as objects: read from PEM once, named by their thumbprint, shown as JWK."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from app.core import base64url

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

ALGORITHMS: Final = ("ES256", "EdDSA", "RS256")
NONCE_BYTES: Final = 12
_THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key: it signs with `private`, anyone may check with `public`."""

    kid: str
    algorithm: str
    private: PrivateKey
    public: PublicKey
    signs_from: datetime
    jwk: dict[str, str]


def new_key(algorithm: str) -> PrivateKey:
    """A fresh private key for one of `ALGORITHMS`."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def read_pem(pem: str) -> PrivateKey:
    """The private key in `pem`; ValueError if it is not one that we can sign with."""
    return _usable(serialization.load_pem_private_key(pem.encode(), None))


def encrypt(key: PrivateKey, secret: bytes) -> str:
    """The key as text that nobody can read or change without `secret`, of 32 bytes: PKCS #8 under AES-256-GCM.

    PEM has no encryption that notices a change (ASVS 11.3.3).
    """
    plain = key.private_bytes(Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(secret).encrypt(nonce, plain, None)).decode()


def decrypt(sealed: str, *any_of: bytes) -> PrivateKey:
    """The key that was sealed with one of these secrets; ValueError if it was with none, or was changed since."""
    data = base64.b64decode(sealed, validate=True)
    for secret in any_of:
        try:
            plain = AESGCM(secret).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], None)
        except InvalidTag:
            continue
        return _usable(serialization.load_der_private_key(plain, None))
    raise ValueError("not sealed with this secret")


def _usable(key: object) -> PrivateKey:
    algorithm_of(key)
    return key  # type: ignore[return-value]


def algorithm_of(key: object) -> str:
    """The one algorithm that a key of this type signs with here (RFC 8725, 3.1: one key, one algorithm)."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "RS256"
    raise ValueError("a signing key must be EC P-256, Ed25519 or RSA of at least 2048 bits")


def to_key(private: PrivateKey, signs_from: datetime) -> Key:
    """The key with all that is derived from it; the kid is its RFC 7638 thumbprint."""
    algorithm, public = algorithm_of(private), private.public_key()
    jwk = _public_jwk(public)
    canonical = json.dumps({name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}, separators=(",", ":"))
    kid = base64url.encode(hashlib.sha256(canonical.encode()).digest())
    return Key(kid, algorithm, private, public, signs_from, jwk | {"kid": kid, "alg": algorithm, "use": "sig"})


def _public_jwk(public: PublicKey) -> dict[str, str]:
    if isinstance(public, ec.EllipticCurvePublicKey):
        jwk: dict[str, Any] = ECAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ed25519.Ed25519PublicKey):
        jwk = OKPAlgorithm.to_jwk(public, as_dict=True)
    else:
        jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
    return {name: value for name, value in jwk.items() if isinstance(value, str)}
