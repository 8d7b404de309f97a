"""Leaving: everything handed out, some days to think again, then gone everywhere."""

import json

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core.database import Base, db
from tests.journeys.conftest import in_one_process

DELETE = {"password": "correct horse battery"}
BURST = pytest.mark.settings(deletion_grace_days=0)


def dump(app: Flask) -> str:
    """Every value in every table."""
    with app.app_context():
        tables = Base.metadata.sorted_tables
        rows = [tuple(row) for table in tables for row in db.session.execute(sa.select(table))]
        db.session.remove()
    return repr(rows)


def test_account_deletion_needs_recent_authentication(ann, clock) -> None:
    assert ann.ask("DELETE", "account", {"password": "wrong"}).json["code"] == "wrong_password"
    clock.advance(minutes=11)
    assert ann.ask("DELETE", "account", {}).json["code"] == "reauthentication_required"
    assert ann.ask("GET", "account").status_code == 200
    assert ann.ask("POST", "auth/reauthenticate", DELETE).status_code == 204
    assert ann.ask("DELETE", "account").status_code == 204


def test_deletion_ends_every_session_and_the_email_gives_the_deadline(ann) -> None:
    ann.box.clear()
    assert ann.ask("DELETE", "account", DELETE).status_code == 204
    assert ann.ask("GET", "account").status_code == 401
    assert [to for to, _ in ann.emails()] == [ann.email]


def test_signing_in_within_the_grace_keeps_the_account(ann, clock, auth) -> None:
    ann.ask("DELETE", "account", DELETE)
    clock.advance(days=6)
    assert ann.sign_in().status_code == 200
    clock.advance(days=2)
    auth.cleanup.run()
    assert ann.sign_in().status_code == 200


def test_after_the_grace_it_is_gone_everywhere(app: Flask, ann, clock, auth) -> None:
    ann.ask("PATCH", "account", {"first_name": "Annabel"})
    ann.send("forgot-password", email=ann.email)
    ann.ask("DELETE", "account", DELETE)
    ann.emails()
    clock.advance(days=7, seconds=1)
    assert ann.sign_in().json["code"] == "invalid_credentials"
    assert auth.cleanup.run()["accounts"] == 1
    clock.advance(days=31)
    auth.cleanup.run()
    left = dump(app)
    assert "ann@example.com" not in left
    assert "Annabel" not in left
    assert "127.0.0.1" not in left


def test_the_address_is_free_again(ann, clock, auth, person) -> None:
    ann.ask("DELETE", "account", DELETE)
    clock.advance(days=8)
    auth.cleanup.run()
    assert person().sign_up().status_code == 201


@BURST
def test_deletion_without_grace_is_immediate_and_sends_the_email(app: Flask, ann) -> None:
    ann.box.clear()
    assert ann.ask("DELETE", "account", DELETE).status_code == 204
    assert ann.sign_in().json["code"] == "invalid_credentials"
    assert [to for to, _ in ann.emails()] == [ann.email]


def test_the_export_holds_everything_but_the_hash(ann) -> None:
    ann.ask("PATCH", "account", {"first_name": "Annabel"})
    exported = ann.ask("GET", "account/export").json
    assert exported["account"]["first_name"] == "Annabel"
    assert [session["ip"] for session in exported["sessions"]] == ["127.0.0.1"]
    assert "account.created" in [event["event"] for event in exported["audit_events"]]
    assert "bcrypt" not in json.dumps(exported)


@in_one_process  # it asks the code, and nobody else
def test_every_account_table_takes_part_in_export_and_deletion(app: Flask) -> None:
    """A new table with an account in it fails here until both are thought of."""
    exported = app.extensions["latchkey"].export.exporters.keys()
    anonymised = {"audit_events"}
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.c if column.name in ("account_id", "actor_id")]
        refers = any(key.column.table.name == "accounts" for key in table.foreign_keys)
        if columns or refers:
            assert table.name in exported, f"{table.name} is missing in the export"
            cascades = all(key.ondelete == "CASCADE" for key in table.foreign_keys)
            assert (refers and cascades) or table.name in anonymised, f"{table.name} outlives its account"
