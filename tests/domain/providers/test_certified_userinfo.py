"""A certified provider that sends the email address at the userinfo endpoint only, as the standard has it."""

import os
from collections.abc import Iterator

import pytest

from app.domain.providers.connection import ProviderConnection
from app.domain.providers.openid import OpenIdProvider
from tests.domain.providers.conftest import CALLBACK
from tests.support.certified_provider import CertifiedProvider, certified_provider
from tests.support.provider_visitor import query_of


@pytest.fixture(scope="module")
def certified() -> Iterator[CertifiedProvider]:
    with certified_provider(CALLBACK, {**os.environ, "EMAIL_IN_USERINFO": "1"}) as provider:
        yield provider


def test_address_is_read_from_userinfo(certified, clock, attempt):
    provider = OpenIdProvider(certified.settings(), clock, ProviderConnection("certified"))
    answer = query_of(certified.sign_in(provider.authorization_url(attempt)))
    provider.check_issuer(answer["iss"])
    identity = provider.exchange(answer["code"], attempt)
    assert (identity.subject, identity.email, identity.email_trusted) == ("ann", "ann@example.com", True)
    assert (identity.first_name, identity.last_name) == ("Ann", "Lee")
