"""One key for each purpose, derived from one secret by HKDF-SHA-256 (RFC 5869)."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive_key(secret: str, purpose: str) -> bytes:
    """A key of 32 bytes. Knowing it reveals neither the secret nor the key of another purpose."""
    return HKDF(SHA256(), 32, None, f"latchkey {purpose}".encode()).derive(secret.encode())
