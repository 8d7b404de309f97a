"""An app with a provider that may lie, and people who sign in with it."""

import os
from collections.abc import Iterator

import pytest

from config import Settings
from tests.support.certified_provider import CertifiedProvider, certified_provider
from tests.support.lying_provider import LyingProvider
from tests.support.provider_visitor import REDIRECT_URLS, Visitor

CALLBACK = "http://localhost:8000/api/v1/auth/providers/{}/callback"


@pytest.fixture(scope="session")
def session_provider() -> Iterator[LyingProvider]:
    with LyingProvider().open() as provider:
        yield provider


@pytest.fixture
def lying(session_provider: LyingProvider) -> LyingProvider:
    session_provider.reset()
    return session_provider


@pytest.fixture(scope="session")
def certified() -> Iterator[CertifiedProvider]:
    with certified_provider(CALLBACK.format("certified"), os.environ) as provider:
        yield provider


@pytest.fixture
def settings(settings: Settings, lying: LyingProvider, request: pytest.FixtureRequest) -> Settings:
    """The provider as `work`, and as `github`; the certified one where a test asks for it."""
    providers = [lying.settings(audiences=("ios-client",)), lying.settings("github", id="github", name="GitHub")]
    if "certified" in request.fixturenames:
        changes = request.node.get_closest_marker("certified")
        certified = request.getfixturevalue("certified")
        providers.append(certified.settings(**(changes.kwargs if changes else {})))
    for mark in request.node.iter_markers("provider"):
        providers[0] = lying.settings(*mark.args, **mark.kwargs)
    return settings.model_copy(update={"providers": providers, "redirect_urls": REDIRECT_URLS})


@pytest.fixture
def visitor(client, lying) -> Visitor:
    return Visitor(client, lying)
