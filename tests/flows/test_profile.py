"""What an owner says about themselves."""

import pytest

from app.core.client_info import ClientInfo
from tests.support.api import PASSWORD


@pytest.fixture
def ann(auth):
    """Ann's account."""
    tokens = auth.registration.sign_up("ann@example.com", PASSWORD, ClientInfo())
    return lambda: auth.sessions.authenticate(tokens.access_token).owner


@pytest.mark.usefixtures("each_database")
def test_what_is_given_changes_and_the_rest_stays(auth, ann):
    auth.profile.update(ann(), {"first_name": "Ann", "locale": "de"})
    auth.profile.update(ann(), {"last_name": "李 🔑"})
    assert (ann().first_name, ann().last_name, ann().locale) == ("Ann", "李 🔑", "de")


def test_the_answer_is_what_is_kept(auth, ann):
    assert auth.profile.update(ann(), {"first_name": "Zoë"}) == ann()


def test_a_change_voids_no_link(auth, ann):
    before = ann().credentials_version
    auth.profile.update(ann(), {"first_name": "Ann"})
    assert ann().credentials_version == before


def test_nothing_given_changes_nothing(auth, ann, clock):
    before = ann()
    clock.advance(60)
    auth.profile.update(before, {})
    assert ann() == before
