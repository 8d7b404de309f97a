"""Turning a right password into a session."""

import pytest

from app.auth import InvalidCredentials, InvalidEmail
from app.core.origin import Origin
from tests.web.api.acts import PASSWORD, sql

HOME = Origin("192.0.2.7", "Latchkey test")


@pytest.fixture
def ann(auth):
    """Ann has an account."""
    return auth.registration.sign_up("ann@example.com", PASSWORD, HOME)


@pytest.mark.usefixtures("each_database", "ann")
def test_each_sign_in_is_a_session_of_its_own(app, auth):
    first, second = (auth.sign_in.with_password("ann@example.com", PASSWORD, HOME) for _ in range(2))
    sessions = {auth.sessions.identify(tokens.access_token).session.id for tokens in (first, second)}
    assert len(sessions) == 2
    assert sql(app, "SELECT count(*) FROM sessions") == [(3,)]


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("password", ["", "x", PASSWORD.upper(), f"{PASSWORD} ", "x" * 5_000])
def test_any_other_password_is_refused_and_opens_nothing(app, auth, password):
    with pytest.raises(InvalidCredentials):
        auth.sign_in.with_password("ann@example.com", password, HOME)
    assert sql(app, "SELECT count(*) FROM sessions") == [(1,)]


@pytest.mark.usefixtures("ann")
def test_an_unknown_address_is_refused_in_the_same_words(auth):
    refusals = []
    for email, password in (("ann@example.com", "wrong password"), ("eve@example.com", PASSWORD)):
        with pytest.raises(InvalidCredentials) as refused:
            auth.sign_in.with_password(email, password, HOME)
        refusals.append((refused.value.code, refused.value.message))
    assert refusals[0] == refusals[1]


def test_what_is_no_address_is_told_so(auth):
    with pytest.raises(InvalidEmail):
        auth.sign_in.with_password("nonsense", PASSWORD, HOME)


@pytest.mark.usefixtures("each_database", "ann")
def test_a_password_that_was_reset_while_we_hashed_opens_no_session(app, auth, monkeypatch):
    passwords = app.extensions["latchkey"].registration.passwords
    right = type(passwords).matches

    def meanwhile(self, password, kept):
        sql(app, "UPDATE accounts SET credentials_version = credentials_version + 1")
        return right(self, password, kept)

    monkeypatch.setattr(type(passwords), "matches", meanwhile)
    with pytest.raises(InvalidCredentials):
        auth.sign_in.with_password("ann@example.com", PASSWORD, HOME)
    assert sql(app, "SELECT count(*) FROM sessions") == [(1,)]
