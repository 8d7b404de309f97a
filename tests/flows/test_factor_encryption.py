"""The secrets of second factors survive a change of the secret that encrypts them."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app import create_app
from tests.support.api import sql
from tests.support.apps import close
from tests.support.authenticator_app import Owner

OLD, NEW = "an old secret, of thirty-two bytes", "a new secret of thirty-two bytes"
pytestmark = [pytest.mark.usefixtures("each_database"), pytest.mark.settings(key_encryption_secret=OLD)]


@pytest.fixture
def restarted(settings, clock) -> Iterator[Flask]:
    """The service with the new secret, and the old one listed."""
    changes = {"key_encryption_secret": NEW, "key_encryption_secret_fallbacks": [OLD]}
    app = create_app(settings.model_copy(update=changes), clock=clock)
    yield app
    close(app)


def test_codes_stay_right_while_and_after_the_secret_changes(app: Flask, client, clock, restarted: Flask) -> None:
    owner = Owner(client, clock).sign_up()
    owner.client = restarted.test_client()
    assert owner.second_step().status_code == 200
    before = sql(app, "SELECT secret FROM totp_factors")
    again = restarted.test_cli_runner().invoke(args=["keys", "reencrypt"])
    assert "2 re-encrypted" in again.output
    assert sql(app, "SELECT secret FROM totp_factors") != before
    assert owner.second_step().status_code == 200
    third = restarted.test_cli_runner().invoke(args=["keys", "reencrypt"])
    assert "0 re-encrypted, 2 already" in third.output


def test_unreadable_secret_is_answered_with_503(app: Flask, client, clock) -> None:
    owner = Owner(client, clock).sign_up()
    token = owner.step_token()
    sql(app, "UPDATE totp_factors SET secret = 'QUJD'")
    answer = owner.second_step(token, code=owner.new_code())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "KEY_ENCRYPTION_SECRET" in answer.json["detail"]
    assert owner.second_step(token, recovery_code=owner.recovery_codes[0]).status_code == 200
