"""Opening an account."""

import pytest

from app.core.client_info import ClientInfo
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.passwords import PasswordTooLong, PasswordTooShort
from app.domain.accounts.store import EmailTaken
from tests.support.api import PASSWORD, dump_tables, sql

HOME = ClientInfo("192.0.2.7", "Latchkey test")


def test_a_new_account_is_signed_in(each_app, auth):
    tokens = auth.registration.sign_up("ann@example.com", PASSWORD, HOME)
    assert auth.sessions.authenticate(tokens.access_token).owner.email == "ann@example.com"


def test_the_session_remembers_where_it_began(app, auth):
    auth.registration.sign_up("ann@example.com", PASSWORD, HOME)
    assert sql(app, "SELECT ip, user_agent FROM sessions") == [("192.0.2.7", "Latchkey test")]


def test_the_password_itself_rests_nowhere(app, auth):
    auth.registration.sign_up("ann@example.com", PASSWORD, HOME)
    assert PASSWORD not in str(dump_tables(app))


def test_a_taken_address_changes_nothing(each_app, auth):
    auth.registration.sign_up("ann@example.com", PASSWORD, HOME)
    before = dump_tables(each_app)
    with pytest.raises(EmailTaken):
        auth.registration.sign_up("ANN@example.com", "another password", HOME)
    assert dump_tables(each_app) == before


@pytest.mark.parametrize(
    ("email", "password", "refusal"),
    [
        ("nonsense", PASSWORD, InvalidEmail),
        ("ann@example.com", "short", PasswordTooShort),
        ("ann@example.com", "x" * 1_025, PasswordTooLong),
    ],
)
def test_what_is_refused_leaves_nothing(app, auth, email, password, refusal):
    with pytest.raises(refusal):
        auth.registration.sign_up(email, password, HOME)
    assert sql(app, "SELECT count(*) FROM accounts") == [(0,)]


def test_an_account_is_dated_by_our_clock(app, auth, clock):
    now = clock.hold()
    tokens = auth.registration.sign_up("ann@example.com", PASSWORD, HOME)
    owner = auth.sessions.authenticate(tokens.access_token).owner
    assert (owner.created_at, owner.updated_at) == (now, now)
