"""Compact JWS (RFC 7515) with PyJWT's algorithms on keys that are parsed once.

PyJWT's `encode` and `decode` would take four times as long: they choose the algorithm and validate the header at each
call, and the key id must be known before the token is decoded, so that it is decoded twice.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import der_to_raw_signature

from app.core import base64url
from app.domain.tokens.keys import Key, PublicKey

_DETERMINISTIC: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
# Not in ASCII: an escape sequence takes up to three times the bytes, and a token has to fit into a cookie.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class RepeatableES256(ECAlgorithm):
    """ES256 with deterministic signatures (RFC 6979): equal claims give the same token, byte for byte."""

    def __init__(self) -> None:
        super().__init__(ECAlgorithm.SHA256, ec.SECP256R1)

    def sign(self, msg: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
        """The signature of `msg`, the same every time."""
        return der_to_raw_signature(key.sign(msg, _DETERMINISTIC), key.curve)


_ALGORITHMS: Final[dict[str, Algorithm]] = {
    "ES256": RepeatableES256(),
    "EdDSA": OKPAlgorithm(),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
}


def sign(claims: dict[str, Any], header_type: str, key: Key) -> str:
    """The claims as a token signed with `key`."""
    signing_input = f"{_header(header_type, key.algorithm, key.kid)}.{base64url.encode(_encode(claims).encode())}"
    signature = _ALGORITHMS[key.algorithm].sign(signing_input.encode(), key.private)
    return f"{signing_input}.{base64url.encode(signature)}"


def verify(token: str, key_of: Callable[[dict[str, Any]], PublicKey]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the payload of a token, of which only the signature has been checked.

    `key_of` gets the header, and returns the key if it accepts the algorithm. Raises `jwt.InvalidTokenError` or
    `ValueError` for anything else than one canonical text with a valid signature.
    """
    signing_input, _, signature = token.rpartition(".")
    head, _, body = signing_input.partition(".")
    header = _object(head)
    if header.keys() != {"alg", "kid", "typ"}:  # such as `crit`: an extension to be understood (RFC 7515, 4.1.11)
        raise jwt.InvalidTokenError("unknown header")
    public = key_of(header)
    if not _ALGORITHMS[header["alg"]].verify(signing_input.encode("ascii"), public, base64url.decode(signature)):
        raise jwt.InvalidSignatureError
    return header, _object(body)


@lru_cache(maxsize=64)
def _header(header_type: str, algorithm: str, key_id: str) -> str:
    return base64url.encode(_encode({"alg": algorithm, "kid": key_id, "typ": header_type}).encode())


def _object(segment: str) -> dict[str, Any]:
    found = json.loads(base64url.decode(segment))
    if not isinstance(found, dict):
        raise jwt.DecodeError("not a JSON object")
    return found
