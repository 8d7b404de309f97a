"""/api/v1/account/activity: an owner sees what happened to the account, and nobody else's."""

import pytest

from app.core.pagination import encode_cursor
from tests.support.api import bearer, is_problem, log_in, log_out, sign_up
from tests.test_statements import statements

FIREFOX = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:148.0) Gecko/20100101 Firefox/148.0"}


def activity(client, tokens, **query):
    """The answer to a look at the account's events."""
    return client.get("/api/v1/account/activity", query_string=query, headers=bearer(tokens["access_token"]))


def told(client, tokens, **query):
    """What happened, newest first."""
    return [event["event"] for event in activity(client, tokens, **query).json["events"]]


@pytest.mark.usefixtures("each_database")
def test_activity_lists_newest_events_first_with_client_and_result(client, ann, clock):
    now = clock.hold()
    client.post("/api/v1/auth/login", json={"email": "ann@example.com", "password": "wrong"}, headers=FIREFOX)
    answer = activity(client, ann)
    assert (answer.status_code, answer.json["next"], answer.headers["Cache-Control"]) == (200, None, "no-store")
    refused, opened = answer.json["events"]
    assert refused == {
        "at": now.isoformat().replace("+00:00", "Z"), "event": "login.failed", "result": "failure",
        "ip": "127.0.0.1", "device": "Firefox on Windows", "current": False, "details": {},
    }  # fmt: skip
    assert (opened["event"], opened["result"], opened["current"]) == ("account.created", "success", True)


def test_details_are_shown(client, ann):
    other = log_in(client).json
    log_out(client, ann, "others")
    assert activity(client, ann).json["events"][0]["details"] == {"scope": "others"}
    assert activity(client, other).status_code == 401


@pytest.mark.usefixtures("each_database")
def test_activity_shows_only_the_own_account(client, ann):
    bob = sign_up(client, email="bob@example.com")
    log_in(client, email="bob@example.com", password="wrong")
    log_in(client, email="nobody@example.com", password="wrong")
    assert told(client, ann) == ["account.created"]
    assert told(client, bob) == ["login.failed", "account.created"]


@pytest.mark.usefixtures("each_database")
@pytest.mark.parametrize("limit", [1, 3, 5, 6, 100])
def test_pages_of_any_size_show_each_event_once(client, ann, limit):
    for _ in range(5):
        log_in(client, password="wrong")
    seen, cursor = [], None
    while True:
        page = activity(client, ann, limit=limit, **({"after": cursor} if cursor else {})).json
        assert 1 <= len(page["events"]) <= limit
        seen += [event["event"] for event in page["events"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["login.failed"] * 5 + ["account.created"]


def test_a_page_has_20_events_unless_told(client, ann):
    for _ in range(20):
        log_in(client, password="wrong")
    page = activity(client, ann).json
    assert (len(page["events"]), page["next"] is None) == (20, False)


def test_what_happens_meanwhile_moves_nothing_to_another_page(client, ann):
    log_in(client, password="wrong")
    first = activity(client, ann, limit=1).json
    log_in(client, password="wrong")
    assert told(client, ann, after=first["next"]) == ["account.created"]


@pytest.mark.parametrize(
    ("query", "code"),
    [({"limit": 0}, "invalid_input"), ({"limit": 101}, "invalid_input"), ({"limit": "x"}, "invalid_input"),
     ({"before": "1"}, "invalid_input"), ({"after": "x"}, "invalid_cursor"), ({"after": ""}, "invalid_cursor"),
     ({"after": "-1"}, "invalid_cursor"), ({"after": encode_cursor("a", 1)}, "invalid_cursor")],
)  # fmt: skip
def test_malformed_limit_or_cursor_is_rejected(client, ann, query, code):
    assert is_problem(activity(client, ann, **query), 400, code)


def test_a_cursor_of_another_account_shows_ones_own(client, ann):
    bob = sign_up(client, email="bob@example.com")
    log_in(client, password="wrong")
    cursor = activity(client, ann, limit=1).json["next"]
    assert told(client, bob, after=cursor) == ["account.created"]
    assert told(client, bob, after=encode_cursor(1)) == []


@pytest.mark.usefixtures("each_database")
def test_activity_costs_one_statement_after_the_guard(app, client, ann):
    activity(client, ann)
    with statements(app) as seen:
        activity(client, ann)
    assert seen.verbs == ["SELECT", "SELECT"]


def test_the_export_has_them_too(client, ann):
    log_in(client, password="wrong")
    exported = client.get("/api/v1/account/export", headers=bearer(ann["access_token"])).json["audit_events"]
    assert [(event["event"], event["result"]) for event in exported] == [
        ("account.created", "success"), ("login.failed", "failure"),
    ]  # fmt: skip


def test_sealing_changes_nothing_of_what_is_shown(client, ann, auth):
    before = activity(client, ann).json
    assert auth.audit_sealing.seal() == 1
    assert activity(client, ann).json == before
