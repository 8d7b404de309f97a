"""Encryption of values in the database: AES-256-GCM, which also detects changes (ASVS 11.3.3)."""

import base64
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12


def encrypt(plain: bytes, key: bytes, associated: bytes | None = None) -> str:
    """The value in base64, encrypted with a key of 32 bytes.

    `associated` says where the value belongs: it is decrypted only with the same, so no other row can take it over.
    """
    return base64.b64encode(encrypt_bytes(plain, key, associated)).decode()


def decrypt(encrypted: str, keys: tuple[bytes, ...], associated: bytes | None = None) -> bytes:
    """The value that was encrypted with one of the keys. Raises `ValueError` if none fits, or the text was changed."""
    return decrypt_bytes(base64.b64decode(encrypted, validate=True), keys, associated)


def encrypt_bytes(plain: bytes, key: bytes, associated: bytes | None = None) -> bytes:
    """The same as bytes."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, associated)


def decrypt_bytes(encrypted: bytes, keys: tuple[bytes, ...], associated: bytes | None = None) -> bytes:
    """The same from bytes. Raises `ValueError`."""
    for key in keys:
        try:
            return AESGCM(key).decrypt(encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], associated)
        except InvalidTag:
            continue
    raise ValueError("not encrypted with any of these secrets")
