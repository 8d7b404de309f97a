"""Token endpoints: how this service proves who it is, and what they answer."""

import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote_plus

import jwt

from app.core.clock import Clock
from app.core.provider_settings import ProviderSettings
from app.domain.providers.errors import ProviderSignInFailed, ProviderUnavailable

APPLE_AUDIENCE: Final = "https://appleid.apple.com"
APPLE_LIFETIME: Final = timedelta(minutes=5)
# The settings are wrong, and not what this person did. The last two are GitHub's.
WRONG_SETTINGS: Final = (
    "invalid_client",
    "unauthorized_client",
    "incorrect_client_credentials",
    "redirect_uri_mismatch",
)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Headers and form fields to add to a token request."""

    headers: Mapping[str, str]
    form: Mapping[str, str]


def authenticate(settings: ProviderSettings, clock: Clock, *, by_basic: bool) -> ClientAuthentication:
    """The client id and secret, by HTTP Basic or in the form (OpenID Connect Core, 9). Apple's secret is made here."""
    secret = apple_secret(settings, clock) if settings.kind == "apple" else settings.client_secret
    if by_basic:
        # RFC 6749, 2.3.1: each part is form-encoded before both are joined.
        joined = f"{quote_plus(settings.client_id)}:{quote_plus(secret)}"
        return ClientAuthentication({"Authorization": "Basic " + base64.b64encode(joined.encode()).decode()}, {})
    return ClientAuthentication({}, {"client_id": settings.client_id, "client_secret": secret})


def apple_secret(settings: ProviderSettings, clock: Clock) -> str:
    """The client secret that Apple wants: a JWT signed with the key of the team."""
    now = clock.now()
    claims = {
        "iss": settings.team_id,
        "iat": int(now.timestamp()),
        "exp": int((now + APPLE_LIFETIME).timestamp()),
        "aud": APPLE_AUDIENCE,
        "sub": settings.client_id,
    }
    return jwt.encode(claims, settings.private_key, "ES256", {"kid": settings.key_id})


def check_token_response(provider_id: str, status: int, answer: Any) -> Mapping[str, Any]:
    """The answer of a token endpoint. Raises `ProviderSignInFailed`, or `ProviderUnavailable` for a wrong setting."""
    if not isinstance(answer, dict):
        log.warning("the token endpoint of %s answered with status %d and no JSON object", provider_id, status)
        raise ProviderUnavailable
    if status == HTTPStatus.OK and "error" not in answer:
        return answer
    error = str(answer.get("error"))[:40]
    if error in WRONG_SETTINGS:
        log.error("identity provider %s rejects the client id, secret or redirect URL: %s", provider_id, error)
        raise ProviderUnavailable
    log.warning("identity provider %s rejected the authorization code: status %d, %s", provider_id, status, error)
    raise ProviderSignInFailed
