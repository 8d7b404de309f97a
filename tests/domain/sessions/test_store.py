"""The session store: opening after a change of credentials, and expiry."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.core.client_info import ClientInfo
from app.core.database import fetch_all
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import Account
from app.domain.sessions.model import PASSWORD, Session
from tests.support.api import me, refresh, sign_up, sql, update_rows

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def open_session(app):
    """Open a session of the only account, for credentials at `version`."""
    store = app.extensions["latchkey"].sessions.sessions

    def act(version, origin=ClientInfo()):  # noqa: B008 - a frozen value
        [(account_id,)] = sql(app, "SELECT id FROM accounts")
        with app.app_context(), UnitOfWork() as work:
            session = store.open(account_id, version, None, PASSWORD, origin, datetime.now(UTC))
            work.commit()
        return session

    return act


@pytest.fixture
def ann(each_database, client):
    """Ann's tokens, on each database."""
    return sign_up(client)


@pytest.mark.usefixtures("ann")
def test_session_opens_only_with_the_current_credentials_version(app, open_session):
    assert open_session(version=0) is not None
    assert sql(app, "SELECT count(*) FROM sessions") == [(2,)]


@pytest.mark.usefixtures("ann")
def test_a_sign_in_that_a_reset_overtook_opens_none(app, open_session):
    sql(app, "UPDATE accounts SET credentials_version = credentials_version + 1")
    assert open_session(version=0) is None
    assert sql(app, "SELECT count(*) FROM sessions") == [(1,)]


@pytest.mark.usefixtures("ann")
def test_a_disabled_account_opens_none(app, open_session):
    update_rows(app, Account, disabled_at=LONG_AGO)
    assert open_session(version=0) is None


@pytest.mark.usefixtures("ann")
def test_an_endless_agent_is_cut(open_session):
    assert len(open_session(version=0, origin=ClientInfo(user_agent="x" * 5_000)).user_agent) == 400


def test_a_session_unused_for_too_long_is_over(app, client, ann):
    update_rows(app, Session, expires_at=LONG_AGO)
    assert [me(client, ann).json["code"], refresh(client, ann).json["code"]] == ["invalid_token"] * 2


def test_a_session_past_its_end_is_not_prolonged(app, client, ann):
    update_rows(app, Session, absolute_expires_at=datetime.now(UTC) + timedelta(seconds=60))
    refresh(client, ann)
    [(same,)] = sql(app, "SELECT count(*) FROM sessions WHERE expires_at = absolute_expires_at")
    assert same == 1


def test_a_session_in_use_lives_on(app, client, ann):
    update_rows(app, Session, expires_at=datetime.now(UTC) + timedelta(hours=1))
    refresh(client, ann)
    with app.app_context():
        [(expires,)] = fetch_all(sa.select(Session.expires_at))
    assert expires > datetime.now(UTC) + timedelta(days=13)


def test_deleting_an_account_deletes_its_sessions(app, ann):
    sql(app, "DELETE FROM accounts")
    assert sql(app, "SELECT count(*) FROM sessions") == [(0,)]
