"""Builds tokens with any header, any claims and any signature."""

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def b64(data):
    """Base64url without padding, of bytes or of anything that is JSON."""
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(part):
    """The bytes behind base64url."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def parts(token):
    """Header and claims of a token, unchecked."""
    header, claims, _ = token.split(".")
    return json.loads(unb64(header)), json.loads(unb64(claims))


def by(pem):
    """Signs with ES256 and this key."""
    key = load_pem_private_key(pem.encode(), None)

    def sign(text):
        r, s = decode_dss_signature(key.sign(text, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def hs256(secret):
    """Signs with HS256 and this secret."""
    return lambda text: hmac.new(secret, text, hashlib.sha256).digest()


def nothing(_text):
    """Gives an empty signature."""
    return b""


def forge(header, claims, sign):
    """A compact token of these parts."""
    text = f"{b64(header)}.{b64(claims)}"
    return f"{text}.{b64(sign(text.encode()))}"
