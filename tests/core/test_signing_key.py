"""SIGNING_KEY: read at start, and refused by name when it cannot sign."""

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from config import SettingsError, load, new_signing_key
from tests.support.api import me, sign_up
from tests.support.proxies import make_certificate

P256 = ec.generate_private_key(ec.SECP256R1())
GOOD = {"ES256": P256, "EdDSA": ed25519.Ed25519PrivateKey.generate(), "RS256": rsa.generate_private_key(65_537, 2048)}


def pem(key, form=PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def encrypted(form):
    return pem(P256, form, BestAvailableEncryption(b"secret"))


BAD = {
    "a public key": (public_pem(P256), "is a public key"),
    "an encrypted key": (encrypted(PrivateFormat.PKCS8), "encrypted with a passphrase. Decrypt it: openssl"),
    "an old encrypted key": (encrypted(PrivateFormat.TraditionalOpenSSL), "encrypted with a passphrase"),
    "a key of OpenSSH": (pem(P256, PrivateFormat.OpenSSH), "format of OpenSSH. Convert it: ssh-keygen"),
    "P-384": (pem(ec.generate_private_key(ec.SECP384R1())), "EC key of the curve secp384r1"),
    "a small RSA key": (pem(rsa.generate_private_key(65_537, 1024)), "RSA key of 1024 bits"),  # noqa: S505
    "Ed448": (pem(ed448.Ed448PrivateKey.generate()), "kind Ed448"),
    "X25519": (pem(x25519.X25519PrivateKey.generate()), "kind X25519"),
    "DSA": (pem(dsa.generate_private_key(2048)), "kind DSA"),
    "half a key": (pem(P256)[:100], "cut off"),
    "a changed key": (pem(P256).replace("\n", "\nA", 1), "cannot be read"),
}


def load_with(folder, key):
    return load({"INSTANCE_PATH": str(folder), "SIGNING_KEY": key})


@pytest.mark.parametrize(("key", "words"), BAD.values(), ids=BAD)
def test_unusable_signing_key_is_refused_with_what_it_is(tmp_path, key, words):
    for given in (key, key.replace("\n", "\\n")):
        with pytest.raises(SettingsError, match=r"^SIGNING_KEY ") as refused:
            load_with(tmp_path, given)
        assert words in str(refused.value)
        assert not any(line in str(refused.value) for line in key.splitlines()[1:-1] if len(line) > 9)


def test_certificate_is_refused_as_signing_key(tmp_path):
    certificate, key = make_certificate(tmp_path)
    with pytest.raises(SettingsError, match="SIGNING_KEY is a certificate; it must be its private key"):
        load_with(tmp_path, str(certificate))
    assert load_with(tmp_path, str(key)).signing_key == key.read_text()


def test_escaped_line_breaks_of_a_signing_key_are_read(tmp_path):
    key = new_signing_key()
    for given in (key.replace("\n", "\\n"), key.replace("\n", "\\r\\n"), key.replace("\n", "\r\n"), f"  {key}\n\n"):
        assert load_with(tmp_path, given).signing_key == key


def test_key_after_the_parameters_of_its_curve_is_read(tmp_path):
    command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", str(tmp_path / "key.pem")]
    subprocess.run(command, check=True, capture_output=True)
    assert "BEGIN EC PARAMETERS" in load_with(tmp_path, str(tmp_path / "key.pem")).signing_key


@pytest.mark.parametrize(
    "algorithm", [pytest.param(name, marks=pytest.mark.settings(signing_key=pem(key))) for name, key in GOOD.items()]
)
def test_each_kind_of_signing_key_signs_with_its_algorithm(client, algorithm):
    tokens = sign_up(client)
    assert me(client, tokens).status_code == 200
    [key] = client.get("/.well-known/jwks.json").json["keys"]
    assert key["alg"] == algorithm
