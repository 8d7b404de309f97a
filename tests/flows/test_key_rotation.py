"""Showing and changing the keys that tokens are signed with."""

from app import create_app
from config import new_signing_key
from tests.conftest import AuthInContext
from tests.support.api import me, sign_up
from tests.support.apps import close


def test_a_new_database_begins_with_the_configured_key(each_app, auth, settings):
    [key] = auth.key_rotation.published()["keys"]
    assert (key["kty"], key["crv"], key["alg"]) == ("EC", "P-256", "ES256")


def test_every_machine_shows_the_same_keys(each_app, auth, settings):
    other = create_app(settings)
    assert AuthInContext(other).key_rotation.published() == auth.key_rotation.published()
    close(other)


def test_every_machine_takes_the_tokens_of_any(each_app, client, settings):
    tokens, other = sign_up(client), create_app(settings)
    assert me(other.test_client(), tokens).status_code == 200
    close(other)


def test_stored_key_stays_valid_after_the_setting_changes(each_app, client, settings):
    tokens = sign_up(client)
    other = create_app(settings.model_copy(update={"signing_key": new_signing_key()}))
    assert me(other.test_client(), tokens).status_code == 200
    close(other)
