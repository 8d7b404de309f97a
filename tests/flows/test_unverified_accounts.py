"""Cleanup of accounts whose address nobody verified, with UNVERIFIED_ACCOUNT_DAYS."""

import pytest
import sqlalchemy as sa

from app.core.database import AUTOCOMMIT, db
from app.domain.accounts.unverified import UnverifiedAccounts
from app.flows import cleanup
from tests.support.api import make_admin, me, sign_up, sql
from tests.support.person import Person

pytestmark = pytest.mark.settings(unverified_account_days=30)


def addresses(app):
    return {row[0] for row in sql(app, "SELECT email FROM accounts")}


@pytest.fixture
def verify(client, auth, mailbox):
    """Verify an address by the link in its email."""

    def by_link(email):
        person = Person(client, auth, mailbox, email)
        token = person.link("Please confirm your address", "verify-email")
        assert person.send("verify-email", token=token).status_code == 200
        mailbox.clear()

    return by_link


def id_of(client, email):
    return me(client, sign_up(client, email=email)).json["id"]


def test_old_unverified_accounts_go_and_all_others_stay(each_app, client, auth, clock, verify):
    sign_up(client, email="bob@example.com")
    verify("bob@example.com")
    sign_up(client, email="ann@example.com")
    sign_up(client, email="ada@example.com")
    make_admin(each_app, "ada@example.com")
    auth.admin_accounts.disable(None, id_of(client, "eve@example.com"))
    auth.admin_accounts.invite(None, "ian@example.com")
    auth.admin_accounts.create_with_password("opa@example.com", "correct horse battery")
    clock.advance(days=29)
    assert auth.cleanup.run()["unverified_accounts"] == 0
    sign_up(client, email="new@example.com")
    clock.advance(days=1, seconds=1)
    assert auth.cleanup.run()["unverified_accounts"] == 2
    gone = {"ann@example.com", "ian@example.com"}
    stay = {"bob", "ada", "eve", "opa", "new"}
    assert addresses(each_app) == {f"{name}@example.com" for name in stay}
    assert sql(each_app, "SELECT count(*) FROM outbox WHERE mailbox = 'ann@example.com'") == [(0,)]
    events = auth.audit_log.page("account.deleted", None, None, 10).items
    assert [event.details for event in events] == [{"cause": "unverified"}] * len(gone)


@pytest.mark.settings(unverified_account_days=0)
def test_unverified_accounts_stay_by_default(app, client, auth, clock):
    sign_up(client)
    clock.advance(days=3_650)
    assert "unverified_accounts" not in auth.cleanup.run()
    assert addresses(app) == {"ann@example.com"}


def test_account_that_was_verified_once_stays(each_app, client, auth, clock, verify):
    account_id = id_of(client, "ann@example.com")
    verify("ann@example.com")
    auth.account_correction.correct(None, account_id, email="anna@example.com")
    eve = id_of(client, "eve@example.com")
    verify("eve@example.com")
    auth.account_correction.correct(None, eve, email_verified=False)
    clock.advance(days=400)
    assert auth.cleanup.run()["unverified_accounts"] == 0
    assert addresses(each_app) == {"anna@example.com", "eve@example.com"}


def test_corrected_address_has_the_whole_time_again(app, client, auth, clock):
    account_id = id_of(client, "ann@example.com")
    clock.advance(days=29)
    auth.account_correction.correct(None, account_id, email="anna@example.com")
    clock.advance(days=29)
    assert auth.cleanup.run()["unverified_accounts"] == 0
    clock.advance(days=2)
    assert auth.cleanup.run()["unverified_accounts"] == 1


def test_all_old_accounts_go_however_many(each_app, client, auth, clock, monkeypatch):
    monkeypatch.setattr(cleanup, "BATCH", 3)
    for number in range(7):
        sign_up(client, email=f"person{number}@example.com")
    clock.advance(days=31)
    assert auth.cleanup.run()["unverified_accounts"] == 7


def test_account_that_an_older_process_verified_stays(app, client, auth, clock):
    sign_up(client)
    sql(app, "UPDATE accounts SET email_verified_at = created_at")
    clock.advance(days=31)
    assert auth.cleanup.run()["unverified_accounts"] == 0


def test_cleanup_finds_unverified_accounts_by_an_index(app, clock):
    asked = []

    def note(_connection, _cursor, statement, values, *_):
        asked.append((f"EXPLAIN QUERY PLAN {statement}", values))

    with app.app_context():
        engine = db.engines[AUTOCOMMIT]
        sa.event.listen(engine, "before_cursor_execute", note)
        UnverifiedAccounts().created_before(clock.now(), 10)
        sa.event.remove(engine, "before_cursor_execute", note)
        with engine.connect() as connection:
            plan = connection.exec_driver_sql(*asked[0]).all()
    assert "USING INDEX ix_accounts_unverified_since" in str(plan)
