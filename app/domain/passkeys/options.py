"""The options of both ceremonies (WebAuthn Level 3, 5.4 and 5.5), in the JSON form that browsers read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.core import base64url
from app.domain.passkeys.relying_party import RelyingParty
from app.domain.passkeys.store import StoredPasskey

ALGORITHMS: Final = (-8, -7, -257)  # EdDSA, ES256, RS256, the preferred one first
TYPE: Final = "public-key"


@dataclass(frozen=True, slots=True)
class Holder:
    """For whom a passkey is made. `handle` is stored in it and must not be personal; the names are shown."""

    handle: bytes
    name: str
    display_name: str


def registration_options(
    relying_party: RelyingParty,
    holder: Holder,
    challenge: bytes,
    timeout_ms: int,
    exclude: Sequence[StoredPasskey] = (),
) -> dict[str, Any]:
    """What `navigator.credentials.create` takes as `publicKey`. `exclude`: an authenticator with one makes none."""
    return {
        "rp": {"id": relying_party.id, "name": relying_party.name},
        "user": {"id": base64url.encode(holder.handle), "name": holder.name, "displayName": holder.display_name},
        "challenge": base64url.encode(challenge),
        "pubKeyCredParams": [{"type": TYPE, "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": timeout_ms,
        "excludeCredentials": [_descriptor(passkey) for passkey in exclude],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def request_options(
    relying_party: RelyingParty, challenge: bytes, timeout_ms: int, allow: Sequence[StoredPasskey] = ()
) -> dict[str, Any]:
    """What `navigator.credentials.get` takes as `publicKey`. Without `allow` the browser offers what it has."""
    return {
        "challenge": base64url.encode(challenge),
        "timeout": timeout_ms,
        "rpId": relying_party.id,
        "allowCredentials": [_descriptor(passkey) for passkey in allow],
        "userVerification": "required",
    }


def _descriptor(passkey: StoredPasskey) -> dict[str, Any]:
    return {"type": TYPE, "id": passkey.credential_id, "transports": passkey.transports.split()}
