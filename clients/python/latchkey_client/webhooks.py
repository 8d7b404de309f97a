"""Verifies signatures of Standard Webhooks (https://www.standardwebhooks.com), version 1."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Final

PREFIX: Final = "whsec_"
TOLERANCE: Final = 300  # seconds between the clocks of sender and receiver


class WebhookInvalid(Exception):
    """The request was not sent by the service, was changed, or is too old."""


def verify_webhook(payload: bytes, headers: Mapping[str, str], secret: str, *, tolerance: int = TOLERANCE) -> str:
    """The id of the message, which is the same when it is sent again. Raises `WebhookInvalid`.

    `payload` is the body as it was received, and `secret` begins with `whsec_`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, sent_at = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not sent_at.isdecimal():
        raise WebhookInvalid("webhook-id or webhook-timestamp is missing")
    if abs(time.time() - int(sent_at)) > tolerance:
        raise WebhookInvalid("the message is too old, or from the future")
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{sent_at}.".encode() + payload
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    for signature in given.get("webhook-signature", "").split(" "):
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(expected, value.encode()):
            return message_id
    raise WebhookInvalid("no signature is right")
