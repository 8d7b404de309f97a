"""SIGNING_KEY: a private key in PEM, from the text of an environment variable."""

from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

LEAST_RSA_BITS: Final = 2048
KINDS: Final = "EC P-256, Ed25519 or RSA of at least 2048 bits"
CREATE: Final = "Create one: openssl genpkey -algorithm ed25519 -out signing_key.pem"
ENCRYPTED: Final = "is encrypted with a passphrase. Decrypt it: openssl pkey -in KEY -out signing_key.pem"
# By the label of the PEM, what it is and what to do.
OTHER_LABELS: Final = {
    "PUBLIC KEY": "is a public key; it must be the private one",
    "RSA PUBLIC KEY": "is a public key; it must be the private one",
    "CERTIFICATE": "is a certificate; it must be its private key",
    "CERTIFICATE REQUEST": "is a certificate request; it must be its private key",
    "ENCRYPTED PRIVATE KEY": ENCRYPTED,
    "OPENSSH PRIVATE KEY": "is in the format of OpenSSH. Convert it: ssh-keygen -p -N '' -m PEM -f KEY",
    "EC PARAMETERS": "has parameters of a curve and no key; it must have a private key",
}


def checked_pem(value: str) -> str:
    """The PEM in `value`, or in the file whose path it is. Raises `ValueError` if it is not a key that can sign.

    Many platforms keep one line for each variable, with a backslash and `n` in the place of a line break.
    """
    if "-----BEGIN" not in value:
        try:
            value = Path(value).read_text()
        except (OSError, ValueError):
            raise ValueError("SIGNING_KEY must be a private key in PEM, or the path of a readable file") from None
    pem = value.replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n"
    read_signing_key(pem)
    return pem


def read_signing_key(pem: str) -> PrivateKey:
    """The private key in `pem`. Raises `ValueError`, which says what it is instead and what to do."""
    label = _label(pem)
    if label in OTHER_LABELS or "Proc-Type: 4,ENCRYPTED" in pem:
        raise ValueError(f"SIGNING_KEY {OTHER_LABELS.get(label, ENCRYPTED)}")
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(
            f"SIGNING_KEY cannot be read: it is cut off, changed, or not a private key in PEM. {CREATE}"
        ) from None
    if problem := unsuitable(key):
        raise ValueError(f"SIGNING_KEY is {problem}; it must be {KINDS}. {CREATE}")
    return key  # type: ignore[return-value]


def unsuitable(key: object) -> str | None:
    """What a key is that cannot sign tokens here, or None if it can."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return None if isinstance(key.curve, ec.SECP256R1) else f"an EC key of the curve {key.curve.name}"
    if isinstance(key, rsa.RSAPrivateKey):
        return None if key.key_size >= LEAST_RSA_BITS else f"an RSA key of {key.key_size} bits"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    return f"a key of the kind {type(key).__name__.removesuffix('PrivateKey').lstrip('_')}"


def _label(pem: str) -> str:
    labels = [part.partition("-----")[0] for part in pem.split("-----BEGIN ")[1:]]
    # `openssl ecparam -genkey` writes the parameters of the curve before the key.
    return next((label for label in labels if label != "EC PARAMETERS"), labels[0] if labels else "")
