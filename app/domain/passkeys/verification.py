"""Checks what an authenticator answered, with the library `webauthn`. It is loaded when it is first needed."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.core import base64url
from app.core.errors import Invalid
from app.domain.passkeys.relying_party import RelyingParty

MAX_CREDENTIAL_ID: Final = 1_023  # bytes (WebAuthn, 4)
MAX_PUBLIC_KEY: Final = 1_050  # bytes; RSA with 4,096 bits has 530
MIN_RSA_BITS: Final = 2_048
TRANSPORTS: Final = ("ble", "hybrid", "internal", "nfc", "smart-card", "usb")  # browsers may invent others
# Besides its own errors the library lets these through, for bytes that are not what they should be.
MALFORMED: Final[tuple[type[Exception], ...]] = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class PasskeyInvalid(Invalid):
    """The response of the authenticator is not what was asked for. What exactly is wrong is not said."""

    code = "passkey_invalid"
    detail = "The passkey could not be checked. Ask for new options, and try again."


@dataclass(frozen=True, slots=True)
class PasskeyResponse:
    """The response of an authenticator. Only its form is checked; `credential_id` is base64url."""

    credential_id: str
    challenge: bytes
    user_handle: bytes | None
    members: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey whose registration was checked. `credential_id` and `public_key` are base64url."""

    credential_id: str
    public_key: str
    sign_count: int
    transports: str
    aaguid: str
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True, slots=True)
class PasskeyUse:
    """What the authenticator says about itself in a response whose signature is right."""

    sign_count: int
    backup_eligible: bool
    backed_up: bool


def read_response(members: Mapping[str, Any]) -> PasskeyResponse:
    """The response in its parts. Raises `PasskeyInvalid`.

    One response has one text: the library's own decoder skips characters that are not base64url. It also ignores
    `crossOrigin` and `topOrigin`, by which a browser says that another site embeds the page (WebAuthn, 13.4.9).
    """
    with _malformed_is_invalid():
        response = members["response"]
        for text in (members["rawId"], *(text for name, text in response.items() if name != "transports" and text)):
            base64url.decode(text)
        client_data = json.loads(base64url.decode(response["clientDataJSON"]))
        if client_data.get("crossOrigin") not in (None, False) or client_data.get("topOrigin") is not None:
            raise PasskeyInvalid
        handle = response.get("userHandle")
        return PasskeyResponse(
            members["rawId"],
            base64url.decode(client_data["challenge"]),
            base64url.decode(handle) if handle else None,
            members,
        )


def verify_registration(response: PasskeyResponse, relying_party: RelyingParty) -> NewPasskey:
    """The new passkey. Whether the challenge is ours, the caller checks. Raises `PasskeyInvalid`."""
    # Imported here, as below: the library takes 64 ms and 6 MB, which every process and command would pay.
    from webauthn import verify_registration_response
    from webauthn.helpers.structs import CredentialDeviceType

    with _malformed_is_invalid(*_library_errors()):
        _require_no_certificates(base64url.decode(response.members["response"]["attestationObject"]))
        verified = verify_registration_response(
            credential=dict(response.members),
            expected_challenge=response.challenge,
            expected_rp_id=relying_party.id,
            expected_origin=list(relying_party.origins),
            require_user_verification=True,
            supported_pub_key_algs=_algorithms(),
        )
        _require_usable(verified.credential_public_key)
        if base64url.encode(verified.credential_id) != response.credential_id:
            raise PasskeyInvalid
        if len(verified.credential_id) > MAX_CREDENTIAL_ID or len(verified.credential_public_key) > MAX_PUBLIC_KEY:
            raise PasskeyInvalid
        named = response.members["response"].get("transports") or ()
        return NewPasskey(
            credential_id=response.credential_id,
            public_key=base64url.encode(verified.credential_public_key),
            sign_count=verified.sign_count,
            transports=" ".join(word for word in TRANSPORTS if word in named),
            aaguid=verified.aaguid,
            backup_eligible=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
            backed_up=verified.credential_backed_up,
        )


def verify_use(response: PasskeyResponse, public_key: str, relying_party: RelyingParty) -> PasskeyUse:
    """What the authenticator says. Whether the challenge is ours, the caller checks. Raises `PasskeyInvalid`."""
    from webauthn import verify_authentication_response
    from webauthn.helpers.structs import CredentialDeviceType

    with _malformed_is_invalid(*_library_errors()):
        verified = verify_authentication_response(
            credential=dict(response.members),
            expected_challenge=response.challenge,
            expected_rp_id=relying_party.id,
            expected_origin=list(relying_party.origins),
            credential_public_key=base64url.decode(public_key),
            # The library would raise the same error for an old counter as for a forgery. PasskeyStore.use compares it.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        return PasskeyUse(
            verified.new_sign_count,
            verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
            verified.credential_backed_up,
        )


@contextmanager
def _malformed_is_invalid(*others: type[Exception]) -> Iterator[None]:
    try:
        yield
    except others + MALFORMED as error:
        raise PasskeyInvalid from error


def _library_errors() -> tuple[type[Exception], ...]:
    from cbor2 import CBORError
    from webauthn.helpers.exceptions import WebAuthnException

    return CBORError, WebAuthnException, UnsupportedAlgorithm


def _algorithms() -> list[Any]:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

    return [Algorithm.EDDSA, Algorithm.ECDSA_SHA_256, Algorithm.RSASSA_PKCS1_v1_5_SHA_256]


def _require_no_certificates(attestation: bytes) -> None:
    """Accept the formats that browsers send for `attestation: none`: none, and signed by the passkey itself.

    Certificates of others are never read: they prove nothing without a list of trusted makers. Nothing may follow the
    object: the library would ignore it.
    """
    import cbor2

    stream = BytesIO(attestation)
    made = cbor2.load(stream)
    if made["fmt"] not in ("none", "packed") or "x5c" in made["attStmt"] or stream.read():
        raise PasskeyInvalid


def _require_usable(public_key: bytes) -> None:
    """Refuse a key that could not be used later: a point that is not on the curve, or too short an RSA key."""
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography

    key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise PasskeyInvalid
