"""A provider that may lie, and the parts that must notice."""

from typing import Any

import pytest

from app.domain.providers.connection import ProviderConnection
from app.domain.providers.github import GitHubProvider
from app.domain.providers.model import SignInAttempt
from app.domain.providers.openid import OpenIdProvider
from tests.support.lying_provider import LyingProvider

PATIENT = 10  # seconds: this machine also does other work
CALLBACK = "https://id.example.com/api/v1/auth/providers/work/callback"


@pytest.fixture
def attempt() -> SignInAttempt:
    return SignInAttempt(CALLBACK, state="s-1", nonce="n-1", code_verifier="v" * 43)


@pytest.fixture
def openid(lying: LyingProvider, clock: Any) -> Any:
    """A provider with these changes of its settings. It waits `timeout` seconds for a response."""

    def make(kind: str = "openid", *, timeout: float = PATIENT, pause: float = 0.05, **changes: Any) -> OpenIdProvider:
        connection = ProviderConnection("work", timeout=timeout, pause=pause)
        return OpenIdProvider(lying.settings(kind, **changes), clock, connection)

    return make


@pytest.fixture
def github(lying: LyingProvider, clock: Any) -> GitHubProvider:
    settings = lying.settings("github", id="github", scopes=("read:user", "user:email"))
    return GitHubProvider(settings, clock, ProviderConnection("github", timeout=PATIENT, pause=0.05))
