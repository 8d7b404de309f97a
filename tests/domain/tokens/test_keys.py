"""Signing keys as objects."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.core.signing_key import read_signing_key
from app.domain.tokens.keys import ALGORITHMS, decrypt, encrypt, new_key, to_key

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SECRET = b"a secret of thirty-two bytes...."
RFC_7638 = {  # the example of its section 3.1: this key has this thumbprint
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "thumbprint": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_is_shown_without_its_private_half(algorithm):
    key = to_key(new_key(algorithm), EPOCH)
    assert (key.jwk["alg"], key.jwk["use"], key.jwk["kid"]) == (algorithm, "sig", key.kid)
    assert key.jwk.keys() <= {"kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_rests_encrypted_and_comes_back(algorithm):
    key = new_key(algorithm)
    sealed = encrypt(key, SECRET)
    assert to_key(decrypt(sealed, SECRET), EPOCH).kid == to_key(key, EPOCH).kid
    assert encrypt(key, SECRET) != sealed


def test_key_is_decrypted_by_the_matching_secret():
    key = new_key("ES256")
    sealed = encrypt(key, SECRET)
    assert to_key(decrypt(sealed, bytes(32), SECRET), EPOCH).kid == to_key(key, EPOCH).kid
    with pytest.raises(ValueError, match="not encrypted with any of these secrets"):
        decrypt(sealed, bytes(32), SECRET[::-1])


def test_changed_or_foreign_encrypted_key_is_rejected():
    sealed = base64.b64decode(encrypt(new_key("ES256"), SECRET))
    with pytest.raises(ValueError, match="not encrypted with any of these secrets"):
        decrypt(base64.b64encode(sealed).decode(), bytes(32))
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(ValueError, match="not encrypted with any of these secrets"):
            decrypt(base64.b64encode(changed).decode(), SECRET)


def test_a_key_is_named_by_its_thumbprint():
    number = int.from_bytes(base64.urlsafe_b64decode(RFC_7638["n"] + "=="), "big")
    public = rsa.RSAPublicNumbers(65_537, number).public_key()

    class Half:
        """The public key that the standard gives."""

        def public_key(self):
            return public

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.domain.tokens.keys.algorithm_of", lambda _key: "RS256")
        assert to_key(Half(), EPOCH).kid == RFC_7638["thumbprint"]


WEAK = {
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "RSA of 1024 bits": rsa.generate_private_key(65_537, 1024),  # noqa: S505 - that is the point
}


@pytest.mark.parametrize("key", WEAK.values(), ids=WEAK)
def test_a_weak_or_unusual_key_is_refused(key):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ValueError, match="must be EC P-256"):
        read_signing_key(pem)


@pytest.mark.parametrize("pem", ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_malformed_key_is_rejected(pem):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is that of a library
        read_signing_key(pem)
