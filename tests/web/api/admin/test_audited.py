"""Every write of an administrator is in the journal: who, to whom, what."""

import pytest

from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.mail.model import DEAD
from app.domain.mail.outbox import Outbox
from tests.support.api import bearer, make_admin, sql
from tests.web.api.routes import ROUTES, is_for_administrators

WRITES = {
    "POST users": "account.invited",
    "PATCH users/{}": "account.updated",
    "DELETE users/{}": "account.deletion_scheduled",
    "POST users/{}/disable": "account.disabled",
    "POST users/{}/enable": "account.enabled",
    "PUT users/{}/roles": "account.roles_changed",
    "PUT users/{}/claims": "account.claims_changed",
    "POST users/{}/invitation": "account.invitation_sent",
    "DELETE users/{}/invitation": "account.invitation_revoked",
    "POST users/{}/reset": "password.reset_started",
    "DELETE users/{}/factors": "factor.removed",
    "DELETE users/{}/sessions": "session.ended",
    "DELETE users/{}/sessions/{}": "session.ended",
    "POST mail/{}/retry": "mail.retried",
    "POST keys/rotate": "key.rotated",
}
REPEATABLE = [
    "DELETE users/{}",
    "POST users/{}/disable",
    "POST users/{}/enable",
    "PUT users/{}/roles",
    "PUT users/{}/claims",
]
BODIES = {
    "POST users": {"email": "eve@example.com"}, "PUT users/{}/roles": {"roles": ["editor"]},
    "PATCH users/{}": {"first_name": "Bob"}, "PUT users/{}/claims": {"claims": {"plan": "team"}},
    "POST keys/rotate": {"algorithm": "ES256"},
}  # fmt: skip


def test_no_write_is_forgotten_here():
    writes = {
        f"{method} {path.removeprefix('/api/v1/admin/')}"
        for method, path, contract in ROUTES
        if is_for_administrators(contract) and method != "GET"
    }
    assert len(writes) == len(WRITES)


def dead_message(app):
    """The id of an email that was given up."""
    outbox, clock = Outbox(), Clock()
    with app.app_context():
        with UnitOfWork() as work:
            for message in outbox.claim(clock.now(), 1):
                message_id = message.id
            work.commit()
        outbox.finish(message, DEAD, clock.now(), "550")
    return message_id


def write(app, desk, bob, act):
    method, path = act.split()
    if "mail" in path:
        path = path.format(dead_message(app))
    elif path.endswith("sessions/{}"):
        path = path.format(bob.id, desk.get(f"users/{bob.id}/sessions").json["sessions"][0]["id"])
    else:
        path = path.format(bob.id)
    if path.endswith("invitation"):
        sql(app, "UPDATE accounts SET invited_at = created_at, password_hash = NULL WHERE id = :id", id=bob.id)
    if path.endswith("enable"):
        desk.post(f"users/{bob.id}/disable")
    return desk.call(method, path, **BODIES.get(act, {}))


@pytest.mark.parametrize("act", WRITES)
def test_a_write_is_journalled_once_with_actor_session_and_target(app, desk, ada, bob, act):
    answer = write(app, desk, bob, act)
    assert answer.status_code < 300, answer.text
    [event] = desk.get("audit", event=WRITES[act]).json["events"]
    target = {"POST users": (answer.json or {}).get("id")}.get(act, bob.id if "users" in act else None)
    assert (event["actor_id"], event["account_id"]) == (ada.id, target)
    assert event["session_id"] == desk.get(f"users/{ada.id}/sessions").json["sessions"][0]["id"]
    assert event["ip"] is None


@pytest.mark.parametrize("act", REPEATABLE)
def test_repeated_change_writes_no_second_event(app, desk, bob, act):
    first = write(app, desk, bob, act)
    method, path = act.split()
    again = desk.call(method, path.format(bob.id), **BODIES.get(act, {}))
    assert (first.status_code, again.status_code) == (204, 204)
    assert len(desk.get("audit", event=WRITES[act]).json["events"]) == 1


def test_a_refused_write_leaves_no_event(app, desk, ada):
    before = sql(app, "SELECT count(*) FROM audit_events")
    desk.post(f"users/{ada.id}/disable")
    desk.post(f"users/{'0' * 8}-0000-0000-0000-{'0' * 12}/disable")
    desk.put(f"users/{ada.id}/roles", roles=["NO"])
    assert sql(app, "SELECT count(*) FROM audit_events") == before


def test_a_change_of_roles_says_from_what_to_what(desk, bob):
    desk.put(f"users/{bob.id}/roles", roles=["editor"])
    desk.put(f"users/{bob.id}/roles", roles=["writer", "admin"])
    newest = desk.get("audit", account=bob.id, event="account.roles_changed").json["events"][0]
    assert newest["details"] == {"roles": "admin writer", "before": "editor"}


def test_audit_log_is_filtered_by_account_and_event(client, desk, ada, bob):
    desk.post(f"users/{bob.id}/reset")
    about_bob = desk.get("audit", account=bob.id).json["events"]
    assert {event["account_id"] for event in about_bob} == {bob.id}
    assert [event["event"] for event in about_bob] == ["password.reset_started", "account.created"]
    opened = desk.get("audit", event="account.created").json["events"]
    assert [event["account_id"] for event in opened] == [bob.id, ada.id]


def test_export_hides_the_client_info_of_administrators(client, desk, bob):
    desk.put(f"users/{bob.id}/roles", roles=["editor"])
    exported = client.get("/api/v1/account/export", headers=bearer(bob.tokens["access_token"])).json
    [event] = [event for event in exported["audit_events"] if event["event"] == "account.roles_changed"]
    assert (event["ip"], event["user_agent"]) == (None, None)


@pytest.mark.usefixtures("each_database")
def test_events_of_a_deleted_administrator_stay_anonymous(app, client, auth, desk, ada, bob, clock):
    make_admin(app, bob.email)
    desk.put(f"users/{bob.id}/roles", roles=["admin", "editor"])
    client.delete(
        "/api/v1/account", json={"password": "correct horse battery"}, headers=bearer(ada.tokens["access_token"])
    )  # fmt: skip
    clock.advance(days=8)
    auth.cleanup.run()
    rows = sql(app, "SELECT actor_id, ip, user_agent FROM audit_events WHERE event = 'account.roles_changed'")
    assert rows == [(ada.id, None, None)]
