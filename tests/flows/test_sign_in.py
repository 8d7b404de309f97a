"""Turning a right password into a session."""

import pytest

from app.core.client_info import ClientInfo
from app.domain.accounts.emails import InvalidEmail
from app.flows.steps.check_password import InvalidCredentials
from tests.support.api import PASSWORD, sql

HOME = ClientInfo("192.0.2.7", "Latchkey test")


@pytest.fixture
def ann(auth):
    """Ann has an account."""
    return auth.registration.sign_up("ann@example.com", PASSWORD, HOME)


@pytest.mark.usefixtures("each_database", "ann")
def test_each_sign_in_is_a_session_of_its_own(app, auth):
    first, second = (auth.sign_in.with_password("ann@example.com", PASSWORD, HOME) for _ in range(2))
    sessions = {auth.sessions.authenticate(tokens.access_token).session.id for tokens in (first, second)}
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


def test_malformed_address_is_rejected(auth):
    with pytest.raises(InvalidEmail):
        auth.sign_in.with_password("nonsense", PASSWORD, HOME)


@pytest.mark.usefixtures("each_database", "ann")
def test_password_reset_during_hashing_opens_no_session(app, auth, monkeypatch):
    passwords = app.extensions["latchkey"].registration.passwords
    right = type(passwords).matches

    def meanwhile(self, password, kept):
        sql(app, "UPDATE accounts SET credentials_version = credentials_version + 1")
        return right(self, password, kept)

    monkeypatch.setattr(type(passwords), "matches", meanwhile)
    with pytest.raises(InvalidCredentials):
        auth.sign_in.with_password("ann@example.com", PASSWORD, HOME)
    assert sql(app, "SELECT count(*) FROM sessions") == [(1,)]


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0"
LATER_FIREFOX = FIREFOX.replace("148", "149")
OFFICE = ClientInfo("198.51.100.20", FIREFOX)


def notices(app):
    """How many emails about a new device were queued."""
    return sql(app, "SELECT count(*) FROM outbox WHERE kind = 'new_device'")[0][0]


@pytest.fixture
def office(auth):
    """Ann signed up in her office; the tokens she got there."""
    return auth.registration.sign_up("ann@example.com", PASSWORD, OFFICE)


@pytest.mark.usefixtures("each_database", "office")
@pytest.mark.parametrize(("ip", "user_agent", "count"), [
    ("198.51.100.20", FIREFOX, 0), ("198.51.100.77", FIREFOX, 0), ("203.0.113.9", FIREFOX, 1),
    ("198.51.100.20", LATER_FIREFOX, 1), ("2001:db8::1", FIREFOX, 1), (None, None, 1),
], ids=["same place", "same network", "elsewhere", "other browser", "IPv6", "unknown"])  # fmt: skip
def test_user_agent_and_network_decide_without_a_device_token(app, auth, ip, user_agent, count):
    auth.sign_in.with_password("ann@example.com", PASSWORD, ClientInfo(ip, user_agent))
    assert notices(app) == count


def test_an_updated_browser_with_its_device_token_is_not_new(app, auth, office):
    token = auth.sign_in.device_token(office)
    auth.sign_in.with_password(
        "ann@example.com", PASSWORD, ClientInfo("203.0.113.9", LATER_FIREFOX, device_token=token)
    )
    assert notices(app) == 0


def test_a_device_that_shows_its_refresh_token_is_not_new(app, auth, office):
    shown = ClientInfo("203.0.113.9", LATER_FIREFOX, device_token=office.refresh_token)
    auth.sign_in.with_password("ann@example.com", PASSWORD, shown)
    assert notices(app) == 0


def test_a_device_token_of_another_account_does_not_count(app, auth, office):
    eve = auth.registration.sign_up("eve@example.com", PASSWORD, OFFICE)
    shown = ClientInfo("203.0.113.9", FIREFOX, device_token=auth.sign_in.device_token(eve))
    auth.sign_in.with_password("ann@example.com", PASSWORD, shown)
    assert notices(app) == 1
