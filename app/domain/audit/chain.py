"""The hash chain: each sealed event is bound to the one before it with a key that is not in the database.

Personal data enters the chain as a commitment with a salt of its own. Erasing a person's data deletes the salt too:
the chain can still be verified, and the data cannot be found by trying values.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from typing import Final

from app.core.key_derivation import derive_key
from app.domain.audit.model import AuditRecord

GENESIS: Final = "0" * 64
# The personal parts of an event that was erased.
ERASED_PERSON: Final[tuple[object, ...]] = (*[None] * 5, {})


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The two ends of the chain: the last purged event, and the newest sealed one."""

    position: int = 0
    entry_hash: str = GENESIS
    purged_position: int = 0
    purged_hash: str = GENESIS
    signature: str = ""


class Chain:
    """Computes and verifies the hashes of the chain: HMAC-SHA-256 with keys derived from `secrets`.

    The first secret is used for new hashes, all of them for verifying: a chain may continue with another secret.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._keys = [derive_key(secret, "audit chain") for secret in secrets]

    def commitment(self, entry: AuditRecord, salt: str) -> str:
        """A hash of the event's personal data, which reveals nothing about it without the salt."""
        return _digest(salt.encode(), "personal", *_personal_parts(entry))

    def entry_hash(self, previous: str, position: int, entry: AuditRecord, commitment: str) -> str:
        """The hash that binds the event to its position after the event with hash `previous`."""
        return _digest(self._keys[0], *_entry_parts(previous, position, entry, commitment))

    def erasure_proof(self, position: int, commitment: str) -> str:
        """Proves that the data was erased with the key, and not merely in the database."""
        return _digest(self._keys[0], "erased", position, commitment)

    def sign(self, head: ChainHead) -> ChainHead:
        """The head with its signature, so that an earlier event cannot be made the end of the chain."""
        return replace(head, signature=_digest(self._keys[0], *_head_parts(head)))

    def is_signed(self, head: ChainHead) -> bool:
        """Whether the head was signed with one of the secrets."""
        return self._matches(head.signature, *_head_parts(head))

    def is_valid(self, previous: str, position: int, entry: AuditRecord) -> bool:
        """Whether a sealed event is the one that was sealed at this position."""
        commitment = entry.commitment or ""
        hash_matches = self._matches(entry.entry_hash, *_entry_parts(previous, position, entry, commitment))
        return hash_matches and self._personal_parts_match(entry, position, commitment)

    def _personal_parts_match(self, entry: AuditRecord, position: int, commitment: str) -> bool:
        if entry.salt is None:
            proven = self._matches(entry.erasure, "erased", position, commitment)
            return proven and _personal_parts(entry) == ERASED_PERSON
        return entry.erasure is None and self.commitment(entry, entry.salt) == commitment

    def _matches(self, digest: str | None, *parts: object) -> bool:
        given = (digest or "").encode()
        return any(hmac.compare_digest(_digest(key, *parts).encode(), given) for key in self._keys)


def _head_parts(head: ChainHead) -> tuple[object, ...]:
    return "head", head.position, head.entry_hash, head.purged_position, head.purged_hash


def _entry_parts(previous: str, position: int, entry: AuditRecord, commitment: str) -> tuple[object, ...]:
    return "event", previous, position, entry.id, entry.at.isoformat(), entry.event, entry.result, commitment


def _personal_parts(entry: AuditRecord) -> tuple[object, ...]:
    return entry.account_id, entry.actor_id, entry.session_id, entry.ip, entry.user_agent, entry.details


def _digest(key: bytes, *parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
