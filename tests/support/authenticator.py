"""A software authenticator (WebAuthn Level 3) and the browser around it. It signs as real ones do, or lies."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from app.core.base64url import decode, encode

UP, UV, BE, BS, AT = 1, 4, 8, 16, 64
ES256, EDDSA, RS256 = -7, -8, -257
ORIGIN = "http://localhost:8000"


@dataclass
class Key:
    """A key pair of one of the three algorithms, and how its public half is written in COSE."""

    algorithm: int = ES256
    private: Any = None

    def __post_init__(self) -> None:
        if self.private is None:
            self.private = {
                ES256: lambda: ec.generate_private_key(ec.SECP256R1()),
                EDDSA: ed25519.Ed25519PrivateKey.generate,
                RS256: lambda: rsa.generate_private_key(65_537, 2_048),
            }[self.algorithm]()

    def sign(self, data: bytes) -> bytes:
        if self.algorithm == ES256:
            return self.private.sign(data, ec.ECDSA(SHA256()))
        if self.algorithm == EDDSA:
            return self.private.sign(data)
        return self.private.sign(data, padding.PKCS1v15(), SHA256())

    def cose(self) -> dict[int, Any]:
        public = self.private.public_key()
        if self.algorithm == ES256:
            numbers = public.public_numbers()
            return {1: 2, 3: ES256, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        if self.algorithm == EDDSA:
            return {1: 1, 3: EDDSA, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return {1: 3, 3: RS256, -1: numbers.n.to_bytes(size, "big"), -2: numbers.e.to_bytes(3, "big")}


@dataclass
class Credential:
    """One passkey in the authenticator."""

    rp_id: str
    user_handle: bytes
    key: Key
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    counter: int = 0


@dataclass
class Authenticator:
    """Holds passkeys. `synced` sets the flags of one that is backed up; `counts`: whether it has a counter.

    `create` and `get` take the options of the service and return what a browser sends. Their arguments change what a
    correct authenticator and browser would say: flags, origin, type, relying party, and members of the client data.
    """

    algorithm: int = ES256
    synced: bool = False
    counts: bool = True
    origin: str = ORIGIN
    credentials: list[Credential] = field(default_factory=list)

    @property
    def newest(self) -> Credential:
        return self.credentials[-1]

    def create(
        self,
        options: dict[str, Any],
        *,
        key: Key | None = None,
        credential_id: bytes | None = None,
        flags: int | None = None,
        rp_id: str | None = None,
        self_attested: bool = False,
        attestation: dict[str, Any] | None = None,
        **client: Any,
    ) -> dict[str, Any]:
        """A new passkey."""
        made = Credential(options["rp"]["id"], decode(options["user"]["id"]), key or Key(self.algorithm))
        made.id = credential_id or made.id
        self.credentials.append(made)
        client_data = self._client_data("webauthn.create", options["challenge"], client)
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + cbor2.dumps(made.key.cose())
        data = self._data(rp_id or made.rp_id, (self._flags(flags) | AT), made.counter) + attested
        statement: dict[str, Any] = {"fmt": "none", "attStmt": {}}
        if self_attested:
            signature = made.key.sign(data + hashlib.sha256(client_data).digest())
            statement = {"fmt": "packed", "attStmt": {"alg": made.key.algorithm, "sig": signature}}
        attestation_object = cbor2.dumps((attestation or statement) | {"authData": data})
        return self._credential(
            made,
            {
                "clientDataJSON": encode(client_data),
                "attestationObject": encode(attestation_object),
                "transports": ["internal", "hybrid", "telepathy"],
            },
        )

    def get(
        self,
        options: dict[str, Any],
        *,
        credential: Credential | None = None,
        user_handle: bytes | None = None,
        omit_user_handle: bool = False,
        flags: int | None = None,
        counter: int | None = None,
        rp_id: str | None = None,
        **client: Any,
    ) -> dict[str, Any]:
        """The response of a passkey: the newest one, or `credential`."""
        used = credential or self.newest
        if self.counts:
            used.counter += 1
        client_data = self._client_data("webauthn.get", options["challenge"], client)
        count = used.counter if counter is None else counter
        data = self._data(rp_id or options["rpId"], self._flags(flags), count)
        response = {
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(used.key.sign(data + hashlib.sha256(client_data).digest())),
            "userHandle": encode(user_handle or used.user_handle),
        }
        if omit_user_handle:
            del response["userHandle"]
        return self._credential(used, response)

    def _flags(self, flags: int | None) -> int:
        return (UP | UV | (BE | BS if self.synced else 0)) if flags is None else flags

    def _client_data(self, kind: str, challenge: str, client: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | client | {"other_keys_can_be_added_here": "do not compare"}).encode()

    def _data(self, rp_id: str, flags: int, counter: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big")

    def _credential(self, credential: Credential, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": encode(credential.id),
            "rawId": encode(credential.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": response,
        }
