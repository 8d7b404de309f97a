"""Signed challenges (WebAuthn, 13.4.3). They are made without a row: asking for one costs no statement."""

import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from app.core.clock import Clock
from app.core.errors import Invalid
from app.core.key_derivation import derive_key

LIFETIME: Final = timedelta(minutes=10)
RANDOM_BYTES: Final = 16
EXPIRY_BYTES: Final = 4
SIGNATURE_BYTES: Final = 16
LENGTH: Final = RANDOM_BYTES + EXPIRY_BYTES + SIGNATURE_BYTES


class ChallengeExpired(Invalid):
    """The challenge is more than `LIFETIME` old."""

    code = "challenge_expired"
    detail = "This took too long. Ask for new options, and try again."


class Challenges:
    """Makes challenges with the first of `secrets`, and accepts those made with any of them.

    A challenge is random bytes, its expiry, and an HMAC over both, its purpose and what it is bound to: an account, a
    session or an email address. So it is accepted only where it was asked for.
    """

    def __init__(self, secrets_: tuple[str, ...], clock: Clock) -> None:
        self._keys, self._clock = tuple(derive_key(secret, "challenges") for secret in secrets_), clock

    def new(self, purpose: str, bound_to: str = "") -> bytes:
        """A challenge that is accepted for `LIFETIME`."""
        expires_at = int((self._clock.now() + LIFETIME).timestamp())
        unsigned = secrets.token_bytes(RANDOM_BYTES) + expires_at.to_bytes(EXPIRY_BYTES, "big")
        return unsigned + _signature(self._keys[0], purpose, bound_to, unsigned)

    def check(self, purpose: str, bound_to: str, challenge: bytes) -> datetime | None:
        """When the challenge expires; None if it was not made here for this. Raises `ChallengeExpired`.

        Whether it was used, `SpentChallenges` decides.
        """
        unsigned, signature = challenge[:-SIGNATURE_BYTES], challenge[-SIGNATURE_BYTES:]
        expected = [_signature(key, purpose, bound_to, unsigned) for key in self._keys]
        if len(challenge) != LENGTH or not any(hmac.compare_digest(signature, one) for one in expected):
            return None
        expires_at = datetime.fromtimestamp(int.from_bytes(unsigned[RANDOM_BYTES:], "big"), UTC)
        if self._clock.now() >= expires_at:
            raise ChallengeExpired
        return expires_at


def _signature(key: bytes, purpose: str, bound_to: str, unsigned: bytes) -> bytes:
    return hmac.digest(key, f"{purpose}\0{bound_to}\0".encode() + unsigned, "sha256")[:SIGNATURE_BYTES]
