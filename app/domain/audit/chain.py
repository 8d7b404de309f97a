"""The chain: each sealed event is bound to the one before it under a key that the database does not hold.

What is personal enters only as a commitment under a salt of its own. Erasing a person deletes the salt with the data:
the chain can be checked as before, and nobody can find out by trying what was erased.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.domain.audit.model import AuditRecord

GENESIS: Final = "0" * 64
ERASED_PERSON: Final[tuple[object, ...]] = (
    None,
    None,
    None,
    None,
    None,
    {},
)  # what is personal in an event that was erased


@dataclass(frozen=True, slots=True)
class ChainHead:
    """From where to where the chain goes: after the last purged event, up to the newest sealed one."""

    position: int = 0
    entry_hash: str = GENESIS
    purged_position: int = 0
    purged_hash: str = GENESIS
    signature: str = ""


class Chain:
    """Computes what binds events together, and checks it. HMAC-SHA-256, with keys derived from `secrets` (RFC 5869).

    The first makes, any checks: a chain may go on under another secret than it was begun with.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._keys = [_derived(secret) for secret in secrets]

    def commitment(self, entry: AuditRecord, salt: str) -> str:
        """Stands for what is personal in the event, and tells nothing of it without the salt."""
        return _digest(salt.encode(), "personal", *_personal_parts(entry))

    def entry_hash(self, previous: str, position: int, entry: AuditRecord, commitment: str) -> str:
        """Binds the event to its place after `previous`."""
        return _digest(self._keys[0], *_entry_parts(previous, position, entry, commitment))

    def erasure_proof(self, position: int, commitment: str) -> str:
        """Shows that it was us who erased what the commitment stands for."""
        return _digest(self._keys[0], "erased", position, commitment)

    def sign(self, head: ChainHead) -> ChainHead:
        """The head with its signature: a row of the table cannot be made the end of the chain by copying its link."""
        return replace(head, signature=_digest(self._keys[0], *_head_parts(head)))

    def is_signed(self, head: ChainHead) -> bool:
        """Whether the head was written by whoever holds one of the secrets."""
        return self._matches(head.signature, *_head_parts(head))

    def is_valid(self, previous: str, position: int, entry: AuditRecord) -> bool:
        """Whether a sealed event is what was sealed at this place."""
        commitment = entry.commitment or ""
        bound = self._matches(entry.entry_hash, *_entry_parts(previous, position, entry, commitment))
        return bound and self._is_as_committed(entry, position, commitment)

    def _is_as_committed(self, entry: AuditRecord, position: int, commitment: str) -> bool:
        if entry.salt is None:
            return _personal_parts(entry) == ERASED_PERSON and self._matches(
                entry.erasure, "erased", position, commitment
            )
        return entry.erasure is None and self.commitment(entry, entry.salt) == commitment

    def _matches(self, digest: str | None, *parts: object) -> bool:
        given = (digest or "").encode()
        return any(hmac.compare_digest(_digest(key, *parts).encode(), given) for key in self._keys)


def _derived(secret: str) -> bytes:
    return HKDF(SHA256(), 32, None, b"latchkey audit chain").derive(secret.encode())


def _head_parts(head: ChainHead) -> tuple[object, ...]:
    return "head", head.position, head.entry_hash, head.purged_position, head.purged_hash


def _entry_parts(previous: str, position: int, entry: AuditRecord, commitment: str) -> tuple[object, ...]:
    return "event", previous, position, entry.id, entry.at.isoformat(), entry.event, entry.result, commitment


def _personal_parts(entry: AuditRecord) -> tuple[object, ...]:
    return entry.account_id, entry.actor_id, entry.session_id, entry.ip, entry.user_agent, entry.details


def _digest(key: bytes, *parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
