"""An app with identity providers, and people who sign in with them."""

import os
from collections.abc import Iterator

import pytest

from config import Settings
from tests.support.certified_provider import CertifiedProvider, certified_provider
from tests.support.lying_provider import LyingProvider
from tests.support.provider_visitor import Visitor

CALLBACK = "http://localhost:8000/api/v1/auth/providers/certified/callback"


@pytest.fixture(scope="session")
def certified() -> Iterator[CertifiedProvider]:
    with certified_provider(CALLBACK, os.environ) as provider:
        yield provider


@pytest.fixture
def settings(settings: Settings, lying: LyingProvider, request: pytest.FixtureRequest) -> Settings:
    """Those of every test, and the certified provider where a test asks for it."""
    if "certified" not in request.fixturenames:
        return settings
    changes = request.node.get_closest_marker("certified")
    certified = request.getfixturevalue("certified").settings(**(changes.kwargs if changes else {}))
    return settings.model_copy(update={"providers": [*settings.providers, certified]})


@pytest.fixture
def visitor(client, lying) -> Visitor:
    return Visitor(client, lying)
