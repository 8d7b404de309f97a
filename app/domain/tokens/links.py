"""Signed link tokens: one purpose, one account, the state they were made for, and an expiry."""

import hashlib
from datetime import datetime
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from app.core.base64url import is_canonical
from app.core.clock import Clock
from app.core.errors import Invalid

MAX_LENGTH = 2_000


class LinkInvalid(Invalid):
    """The signature is wrong, or the link is for another purpose."""

    code = "link_invalid"
    detail = "Invalid link. Copy the whole link from the email, or request a new one."
    field = "token"


class LinkExpired(Invalid):
    """The link is valid but has expired."""

    code = "link_expired"
    detail = "This link has expired. Request a new one."
    field = "token"


class LinkUsed(Invalid):
    """The link was used, or superseded by a newer one or by a change of the account."""

    code = "link_used"
    detail = "This link has already been used, or a newer one was sent. Request a new one."
    field = "token"


class Links:
    """Signs link tokens with the first of `secrets`, and accepts those signed with any of them.

    The format is not that of a JWT, so neither is ever accepted for the other.
    """

    def __init__(self, secrets: tuple[str, ...], clock: Clock) -> None:
        self._oldest_first, self._clock = secrets[::-1], clock  # the order that itsdangerous expects

    def sign(self, purpose: str, *, account_id: str, state: int, expires_at: datetime) -> str:
        """A token for `purpose`. `state` is the message id or the credentials version that it was made for."""
        return str(self._serializer(purpose).dumps([account_id, state, int(expires_at.timestamp())]))

    def open(self, purpose: str, token: str) -> tuple[str, int]:
        """Account id and state. Raises `LinkInvalid` or `LinkExpired`; whether it was used, the caller checks."""
        if len(token) > MAX_LENGTH or not is_canonical(token):
            raise LinkInvalid
        try:
            account_id, state, expires_at = self._serializer(purpose).loads(token)
        except (BadSignature, ValueError, TypeError):
            raise LinkInvalid from None
        if self._clock.now().timestamp() >= expires_at:
            raise LinkExpired
        return account_id, state

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        signing = {"key_derivation": "hmac", "digest_method": _sha256}
        return URLSafeSerializer(self._oldest_first, salt=f"latchkey.link.{purpose}", signer_kwargs=signing)


def _sha256(value: bytes = b"") -> Any:
    return hashlib.sha256(value)
