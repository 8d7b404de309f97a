"""Signing keys as objects: read from PEM, identified by their thumbprint (RFC 7638), published as JWK (RFC 7517)."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from app.core import base64url, encryption
from app.core.signing_key import KINDS, PrivateKey, unsuitable

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

ALGORITHMS: Final = ("ES256", "EdDSA", "RS256")
_THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key: `private` signs, `public` verifies, `jwk` is the published form."""

    kid: str
    algorithm: str
    private: PrivateKey
    public: PublicKey
    signs_from: datetime
    jwk: dict[str, str]


def new_key(algorithm: str) -> PrivateKey:
    """A new private key for one of `ALGORITHMS`."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def encrypt(key: PrivateKey, secret: bytes) -> str:
    """The key in PKCS #8, encrypted. Not in encrypted PEM, which does not detect changes (ASVS 11.3.3)."""
    plain = key.private_bytes(Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return encryption.encrypt(plain, secret)


def decrypt(encrypted: str, *secrets: bytes) -> PrivateKey:
    """The key that was encrypted with one of the secrets. Raises `ValueError` if none fits, or the text was changed."""
    return _usable(serialization.load_der_private_key(encryption.decrypt(encrypted, secrets), None))


def _usable(key: object) -> PrivateKey:
    algorithm_of(key)
    return key  # type: ignore[return-value]


def algorithm_of(key: object) -> str:
    """The only algorithm that a key of this type is used with (RFC 8725, 3.1). Raises `ValueError` for other keys."""
    if unsuitable(key):
        raise ValueError(f"a signing key must be {KINDS}")
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "ES256"
    return "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "RS256"


def to_key(private: PrivateKey, signs_from: datetime) -> Key:
    """The key with the values derived from it; `kid` is its thumbprint (RFC 7638)."""
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
