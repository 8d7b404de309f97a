"""The identity providers of the settings."""

from collections.abc import Iterable

from app.core.clock import Clock
from app.core.provider_settings import ProviderSettings
from app.domain.providers.connection import ProviderConnection
from app.domain.providers.errors import ProviderNotFound
from app.domain.providers.github import GitHubProvider
from app.domain.providers.openid import OpenIdProvider
from app.domain.providers.provider import Provider


class Providers:
    """Every provider by its id. Making them sends no request."""

    def __init__(self, settings: Iterable[ProviderSettings], clock: Clock) -> None:
        self._by_id: dict[str, Provider] = {
            each.id: (GitHubProvider if each.kind == "github" else OpenIdProvider)(
                each, clock, ProviderConnection(each.id)
            )
            for each in settings
        }

    def all(self) -> list[Provider]:
        """All of them, in the order of PROVIDERS."""
        return list(self._by_id.values())

    def get(self, provider_id: str) -> Provider:
        """One of them. Raises `ProviderNotFound`."""
        provider = self._by_id.get(provider_id)
        if provider is None:
            raise ProviderNotFound
        return provider
