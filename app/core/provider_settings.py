"""What the settings say about identity providers. `provider_variables.py` reads it from the environment."""

from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import TypeAdapter

Kind = Literal["openid", "google", "apple", "microsoft", "github"]
TrustRule = Literal["never", "verified", "google", "domains"]

ANY_TENANT: Final = "{tenantid}"  # as Microsoft writes it in its metadata
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class EmailTrust:
    """When a provider's word on an email address counts. `domains` are for the rule of that name."""

    rule: TrustRule
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One identity provider. `audiences` are further client ids whose ID tokens are accepted from apps.

    `private_key`, `key_id` and `team_id` are Apple's, `tenants` are Microsoft's.
    """

    id: str
    kind: Kind
    name: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    trusts_email: EmailTrust
    client_secret: str = field(default="", repr=False)
    audiences: tuple[str, ...] = ()
    needs_nonce: bool = True
    team_id: str = ""
    key_id: str = ""
    private_key: str = field(default="", repr=False)
    tenants: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the provider is on this machine, without TLS: for development and tests."""
        return self.issuer.startswith("http:")


def as_providers(value: object) -> list[ProviderSettings]:
    """The providers in a list of them, or of their values. Raises `ValueError`."""
    return TypeAdapter(list[ProviderSettings]).validate_python(value)


def is_endpoint(url: str, *, local: bool) -> bool:
    """Whether requests may go to the URL: https, or http on this machine if `local`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or not url.isascii() or any(character <= " " for character in url):
        return False
    return parts.scheme == "https" or (local and parts.scheme == "http" and host in LOOPBACK)
