"""Ann, who has an account; and an app that tests may share when they leave nothing behind."""

import pytest

from app import create_app
from config import load
from tests.support.api import credentials_for, make_admin, sign_up
from tests.support.apps import close


@pytest.fixture
def ann(client):
    """Ann's tokens."""
    return sign_up(client)


class Shared:
    """An app, a client of it, and the tokens of Ann, who may do everything."""

    def __init__(self, app):
        self.app, self.client = app, app.test_client()
        self.ann = sign_up(self.client)
        make_admin(app)

    def call(self, method, path, contract, **sent):
        """Call a route as whoever may."""
        return self.client.open(path, method=method, headers=credentials_for(contract, self.ann), **sent)


@pytest.fixture(scope="module")
def shared(databases, tmp_path_factory):
    """One app for all tests of a module whose requests are all refused."""
    folder = tmp_path_factory.mktemp("shared")
    app = create_app(load(
        {}, app_env="testing", instance_path=folder, database_url=databases.copy(folder), bcrypt_rounds=4,
        ratelimit_enabled=False, hash_slots=64, passkey_origins=["http://localhost:8000", "https://example.de"],
        android_apps=["com.example=" + ":".join(["AA"] * 32)], apple_apps=["A1B2C3D4E5.com.example"],
    ))  # fmt: skip
    yield Shared(app)
    close(app)
