"""Operators who reseal the signing keys at once: the database decides, and each key is changed once."""

import threading

import pytest

from app import create_app
from app.domain.tokens import keyring
from tests.conftest import AuthInContext
from tests.support.api import me, sign_up, sql
from tests.support.apps import close
from tests.support.concurrency import together

CROWD, KEYS = 4, 3
OLD, NEW = "an old secret, of thirty-two bytes", "a new secret of thirty-two bytes"


@pytest.fixture
def restarted(settings):
    """Processes that have the new secret, and the old one for what rests under it."""
    changes = {"key_encryption_secret": NEW, "key_encryption_secret_fallbacks": [OLD]}
    apps = [create_app(settings.model_copy(update=changes)) for _ in range(CROWD)]
    yield apps
    for app in apps:
        close(app)


@pytest.fixture
def all_read_before_one_writes(monkeypatch):
    """Whoever has read the keys waits for the others."""
    read, gate = keyring.fetch_all, threading.Barrier(CROWD)

    def read_and_wait(statement):
        rows = read(statement)
        if statement is keyring._encrypted:
            gate.wait(10)
        return rows

    monkeypatch.setattr(keyring, "fetch_all", read_and_wait)


@pytest.mark.usefixtures("each_database", "all_read_before_one_writes")
@pytest.mark.settings(key_encryption_secret=OLD)
def test_of_many_who_reseal_at_once_one_changes_each_key(app, auth, client, restarted):
    tokens = sign_up(client)
    for _ in range(KEYS - 1):
        auth.key_rotation.rotate()
    done = together([AuthInContext(other).key_rotation.reencrypt for other in restarted])
    assert sum(resealed for resealed, _ in done) == KEYS
    assert {resealed + others for resealed, others in done} == {KEYS}
    assert sql(app, "SELECT count(*) FROM audit_events WHERE event = 'key.reencrypted'") == [(KEYS,)]
    assert {me(other.test_client(), tokens).status_code for other in restarted} == {200}


@pytest.mark.usefixtures("each_database", "all_read_before_one_writes")
@pytest.mark.settings(key_encryption_secret=OLD, key_encryption_secret_fallbacks=[NEW])
def test_keys_published_during_reencryption_can_be_read(app, auth, client, restarted):
    sign_up(client)
    together(
        [*(AuthInContext(other).key_rotation.reencrypt for other in restarted), *[auth.key_rotation.rotate] * KEYS]
    )
    for process in (app, *restarted):
        process.extensions["latchkey"].key_rotation.keys.reload()
        assert len(AuthInContext(process).key_rotation.published()["keys"]) == 1 + KEYS
