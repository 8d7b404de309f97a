"""Ann, whose tokens are forged. All tests of a module share one app, as rejected tokens change nothing."""

import pytest

from app import create_app
from config import load
from tests.domain.tokens.forge import by, forge, parts
from tests.support.api import sign_up
from tests.support.apps import close


@pytest.fixture(scope="module")
def settings(databases, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    return load(
        {}, app_env="testing", instance_path=folder, database_url=databases.copy(folder), bcrypt_rounds=4,
        ratelimit_enabled=False, hash_slots=64,
    )  # fmt: skip


@pytest.fixture(scope="module")
def app(settings):
    app = create_app(settings)
    yield app
    close(app)


@pytest.fixture(scope="module")
def client(app):
    return app.test_client()


@pytest.fixture(scope="module")
def ann(client):
    """Ann's tokens."""
    return sign_up(client)


@pytest.fixture
def ours(settings):
    """Signs with the real key."""
    return by(settings.signing_key)


@pytest.fixture
def changed(ann, ours):
    """Ann's access token with other claims or another header, signed with the real key; `...` removes a member."""

    def change(header=None, **claims):
        old_header, old_claims = parts(ann["access_token"])
        new_header, new_claims = old_header | (header or {}), old_claims | claims
        return forge(*({k: v for k, v in part.items() if v is not ...} for part in (new_header, new_claims)), ours)

    return change
