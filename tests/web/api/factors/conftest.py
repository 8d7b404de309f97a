"""Ann, who has an authenticator app."""

import pytest

from tests.support.authenticator_app import Owner


@pytest.fixture
def owner(client, clock):
    """Ann with a second factor, signed in at level 2."""
    return Owner(client, clock).sign_up()
