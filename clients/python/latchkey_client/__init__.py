"""Client of the Latchkey account service."""

from latchkey_client.api import Admin, Client, LatchkeyError, Tokens
from latchkey_client.tokens import (
    AccessToken,
    InsufficientScope,
    InvalidToken,
    KeysUnavailable,
    MissingToken,
    StepUpRequired,
    TokenError,
    TokenVerifier,
)
from latchkey_client.webhooks import WebhookInvalid, verify_webhook

__all__ = [
    "AccessToken",
    "Admin",
    "Client",
    "InsufficientScope",
    "InvalidToken",
    "KeysUnavailable",
    "LatchkeyError",
    "MissingToken",
    "StepUpRequired",
    "TokenError",
    "TokenVerifier",
    "Tokens",
    "WebhookInvalid",
    "verify_webhook",
]
