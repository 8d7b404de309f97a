"""Ann, who has an account with a password and a passkey."""

import pytest

from tests.support.passkey_holder import PasskeyHolder


@pytest.fixture
def holder(client):
    """Ann, signed in with her password."""
    return PasskeyHolder(client).sign_up()


@pytest.fixture
def other(app):
    """Bob, who has a passkey of his own."""
    return PasskeyHolder(app.test_client(), email="bob@example.com").sign_up()
