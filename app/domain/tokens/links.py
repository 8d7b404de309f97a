"""Signed links: one purpose, one account, an expiry, and the state that using them will change."""

import hashlib
from datetime import datetime
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from app.core.base64url import is_canonical
from app.core.clock import Clock
from app.core.errors import Invalid

MAX_LENGTH = 2_000


class LinkInvalid(Invalid):
    """Not a link of ours, or one for another purpose."""

    code = "link_invalid"
    detail = "This link is not valid. Copy it whole from the email, or ask for a new one."
    field = "token"


class LinkExpired(Invalid):
    """A link of ours whose time is over."""

    code = "link_expired"
    detail = "This link has expired. Ask for a new one."
    field = "token"


class LinkUsed(Invalid):
    """A link that was used, or overtaken by a newer one or by a change of what it was made for."""

    code = "link_used"
    detail = "This link was used already, or a newer one was sent. Ask for a new one."
    field = "token"


class Links:
    """Signs link tokens with the first of `secrets`, opens those of any.

    They share no format with bearer tokens, so neither passes for the other.
    """

    def __init__(self, secrets: tuple[str, ...], clock: Clock) -> None:
        self._oldest_first, self._clock = secrets[::-1], clock  # the order of itsdangerous

    def sign(self, purpose: str, *, account_id: str, state: int, expires_at: datetime) -> str:
        """A token for `purpose` that says which state of which account it was made for."""
        return str(self._serializer(purpose).dumps([account_id, state, int(expires_at.timestamp())]))

    def open(self, purpose: str, token: str) -> tuple[str, int]:
        """Account id and state, or `LinkInvalid` or `LinkExpired`. Whether it was used, the state's keeper knows."""
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
