"""What is over goes, in small batches, by the hand of one process at a time."""

import os
import threading
import time
import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import start_cleanup
from app.core.client_info import ClientInfo
from app.core.database import AUTOCOMMIT, db
from app.core.errors import DatabaseUnavailable
from app.domain.accounts.model import Account
from app.domain.email_actions.model import EmailAction
from app.domain.mail.model import DEAD, QUEUED, SENT, QueuedMessage
from app.domain.sessions.model import Session
from app.flows import cleanup

PASSWORD = "correct horse battery"
TABLES = (Account, Session, EmailAction, QueuedMessage)
OLD = timedelta(days=40)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(cleanup, "BATCH", 3)


def rows(app):
    """How many rows each table has."""
    with app.app_context():
        return [db.session.scalar(sa.select(sa.func.count()).select_from(table)) for table in TABLES]


def fill(app, now, count, *, ago):
    """So many accounts, each with a session, a challenge and two emails, that were over `ago`; deletion not asked."""
    then = now - ago
    with app.app_context():
        for number in range(count):
            account_id = str(uuid.uuid4())
            address = f"person{number}.{uuid.uuid4().hex[:8]}@example.com"
            db.session.add(Account(
                id=account_id, email=address, email_canonical=address, password_hash="!", roles="",
                credentials_version=0, created_at=then, updated_at=then,
            ))  # fmt: skip
            db.session.flush()
            db.session.add(Session(
                id=str(uuid.uuid4()), account_id=account_id, created_at=then, rotated_at=then, authenticated_at=then,
                expires_at=then, absolute_expires_at=then,
            ))  # fmt: skip
            db.session.add(EmailAction(
                account_id=account_id, purpose="reset", message_id=number, expires_at=then, code_expires_at=then,
                attempts=0,
            ))  # fmt: skip
            for state in (SENT, DEAD):
                db.session.add(QueuedMessage(
                    kind="reset_password", address=address, parameters={}, message_id="<x@y>", state=state,
                    due_at=then, created_at=then, finished_at=then,
                ))  # fmt: skip
        db.session.commit()
        db.session.remove()


def test_what_is_over_goes_and_the_rest_stays(each_app, auth, clock, small_batches):
    fill(each_app, clock.now(), 8, ago=OLD)
    fill(each_app, clock.now(), 2, ago=timedelta(minutes=1))
    assert auth.cleanup.run() == {
        "accounts": 0, "sessions": 8, "unconfirmed_factors": 0, "trusted_devices": 0, "spent_challenges": 0,
        "email_actions": 8, "email_sign_ins": 0, "messages": 16, "events": 0,
    }  # fmt: skip
    assert rows(each_app) == [10, 2, 2, 4]


def test_cleanup_never_deletes_queued_messages(app, auth, clock):
    with app.app_context():
        db.session.add(QueuedMessage(
            kind="reset_password", address="ann@example.com", parameters={}, message_id="<x@y>", state=QUEUED,
            due_at=clock.now() - OLD, created_at=clock.now() - OLD,
        ))  # fmt: skip
        db.session.commit()
    assert auth.cleanup.run()["messages"] == 0


def test_no_statement_deletes_more_than_a_batch(each_app, auth, clock, small_batches):
    fill(each_app, clock.now(), 8, ago=OLD)
    deleted = []
    with each_app.app_context():
        engine = db.engine if db.engine.dialect.name == "sqlite" else db.engines[AUTOCOMMIT]

    def note(_connection, cursor, statement, *_):
        if statement.startswith("DELETE"):
            deleted.append(cursor.rowcount)

    sa.event.listen(engine, "after_cursor_execute", note)
    auth.cleanup.run()
    sa.event.remove(engine, "after_cursor_execute", note)
    assert max(deleted) == 3
    assert sum(deleted) == 32


def test_all_accounts_that_are_due_go_however_many(each_app, auth, clock, small_batches):
    fill(each_app, clock.now(), 7, ago=timedelta(minutes=1))
    with each_app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.update(Account).values(deletes_at=clock.now()))
    assert auth.cleanup.run()["accounts"] == 7
    assert rows(each_app)[:3] == [0, 0, 0]


@pytest.mark.settings(session_lifetime=20 * 86_400, jwt_refresh_token_expires=5 * 86_400)
def test_no_table_grows_for_ever(app, auth, clock):
    auth.registration.sign_up("ann@example.com", PASSWORD, ClientInfo())
    counts = []
    for _ in range(45):
        clock.advance(days=1)
        auth.sign_in.with_password("ann@example.com", PASSWORD, ClientInfo())
        auth.password_reset.request("nobody@example.com", ClientInfo())
        auth.mail_delivery.deliver_due()
        auth.cleanup.run()
        counts.append(rows(app))
    _, sessions, challenges, messages = map(max, zip(*counts, strict=True))
    assert sessions == 35  # five days alive, and thirty kept
    assert challenges <= 1
    assert 30 <= messages <= 34
    assert counts[-1] == counts[-5]


def test_within_an_interval_it_is_done_once(each_app, auth, clock):
    stop = threading.Event()
    assert auth.cleanup.run_if_due(stop) is not None
    assert auth.cleanup.run_if_due(stop) is None
    clock.advance(minutes=11)
    assert auth.cleanup.run_if_due(stop) is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it takes fork to start four at once")
def test_of_four_processes_one_does_it(each_app, settings, process_pool, tmp_path):
    done = process_pool.at_once(settings, "clean up", tmp_path / "output")
    assert (sum(done), (tmp_path / "output").read_text()) == (1, "")


def test_it_is_done_by_itself_in_a_running_service(app, clock):
    fill(app, clock.now(), 2, ago=OLD)
    thread = start_cleanup(app)
    end = time.monotonic() + 10
    while rows(app)[1] and time.monotonic() < end:
        time.sleep(0.02)
    thread.stop(5)
    assert (rows(app), thread.is_alive()) == ([2, 0, 0, 0], False)


@pytest.mark.settings(cleanup_interval_minutes=0)
def test_it_can_be_left_to_the_command(app):
    assert start_cleanup(app) is None
    assert "sessions: 0" in app.test_cli_runner().invoke(args=["cleanup", "run"]).output


def test_a_batch_that_deadlocks_is_repeated(auth, app, monkeypatch):
    outcomes = [DatabaseUnavailable(transient=True), DatabaseUnavailable(transient=True), 0]

    def fail_twice(*_):
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    sessions = app.extensions["latchkey"].cleanup._sessions
    monkeypatch.setattr(sessions, "delete_expired", fail_twice)
    assert auth.cleanup.run()["sessions"] == 0
    assert outcomes == []


def test_an_outage_ends_the_run_at_once(auth, app, monkeypatch):
    def fail(*_):
        raise DatabaseUnavailable

    monkeypatch.setattr(app.extensions["latchkey"].cleanup._sessions, "delete_expired", fail)
    with pytest.raises(DatabaseUnavailable):
        auth.cleanup.run()
