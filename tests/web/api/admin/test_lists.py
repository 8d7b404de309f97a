"""The lists: found literally, in pages that stay in step."""

import base64
import json

import pytest

from tests.support.api import bearer, is_problem, sign_up, sql

ODD = {
    "percent": "50%_off", "underscore": "a_b", "backslash": "C:\\new", "quote": "O'Hara", "double": 'Bo "B" Ray',
    "slash": "a/b", "umlaut": "Özil", "plain": "aXb", "number": "50 off",
}  # fmt: skip


def emails(desk, **query):
    return [user["email"].partition("@")[0] for user in desk.get("users", **query).json["users"]]


@pytest.fixture
def odd(client, desk):
    """People with odd names."""
    for local, name in ODD.items():
        tokens = sign_up(client, email=f"{local}@odd.example.com")
        client.patch("/api/v1/account", json={"last_name": name}, headers=bearer(tokens["access_token"]))


@pytest.mark.usefixtures("each_database", "odd")
def test_a_search_is_literal(desk):
    names = {
        "%": ["percent"], "_": ["percent", "underscore"], "\\": ["backslash"], "'": ["quote"], '"': ["double"],
        "/": ["slash"], "50%": ["percent"], "a_b": ["underscore"], "%%": [], "\\\\": [],
    }  # fmt: skip
    assert {text: sorted(emails(desk, search=text)) for text in names} == names


@pytest.mark.usefixtures("each_database", "odd")
def test_search_finds_parts_of_addresses_and_names_case_insensitively(desk):
    assert emails(desk, search="UMLAUT@odd") == ["umlaut"]
    assert emails(desk, search="o'hara") == ["quote"]
    assert emails(desk, search="Özil") == ["umlaut"]
    assert len(emails(desk, search="@ODD.example")) == len(ODD)
    assert emails(desk, search="nobody") == []


@pytest.mark.parametrize("text", ["' OR 1=1 --", "'; DROP TABLE accounts; --", "%' ESCAPE 'x", "\\", "{{7*7}}"])
def test_a_search_is_never_a_statement(desk, bob, text):
    answer = desk.get("users", search=text)
    assert (answer.status_code, answer.json) == (200, {"users": [], "next": None})


@pytest.mark.parametrize(
    "query",
    [
        {"search": ""}, {"search": "x" * 101}, {"search": "a\0b"}, {"state": "gone"}, {"limit": 0}, {"limit": 101},
        {"limit": "x"}, {"password_hash": "$"}, {"sort": "password_hash"}, {"after": "x" * 201},
    ],
)  # fmt: skip
def test_what_the_list_does_not_know_is_refused(desk, query):
    assert is_problem(desk.get("users", **query), 400, "invalid_input")


NO_PLACES = [
    b"", b"x", b"[]", b"{}", b"[1]x", b'["a", 1]', b"[-1]", b'[-1, "a"]', b"[true]", b"[1.0]", b"[NaN]", b"null",
    b"[null]", b"[99999999999999999999]", b'[99999999999999999, "a"]', b'[1, "\\u0000"]', b"[" * 90, b"\xff\xfe",
    b'[1, "a", 2]',
]  # fmt: skip


@pytest.mark.parametrize("what", ["users", "audit", "mail"])
@pytest.mark.parametrize("place", NO_PLACES)
def test_a_cursor_that_no_page_gave_is_refused(desk, what, place):
    cursor = base64.urlsafe_b64encode(place).decode() or "!"
    assert is_problem(desk.get(what, after=cursor), 400, "invalid_cursor")


@pytest.mark.parametrize("cursor", ["é", "=", "!", "a", "%00"])
def test_malformed_cursor_is_rejected(desk, cursor):
    assert is_problem(desk.get("users", after=cursor), 400, "invalid_cursor")


def walk(desk, what="users", meanwhile=lambda: None, **query):
    """All the items, page by page."""
    items, after = [], {}
    while True:
        page = desk.get(what, **query, **after).json
        (name,) = page.keys() - {"next"}
        items += page[name]
        if page["next"] is None:
            return items
        after = {"after": page["next"]}
        meanwhile()


@pytest.mark.usefixtures("each_database")
def test_pagination_lists_each_account_once_during_changes(app, client, desk):
    for number in range(11):
        sign_up(client, email=f"early{number}@example.com")
    newcomers = iter(range(100))

    def meanwhile():
        number = next(newcomers)
        sign_up(client, email=f"late{number}@example.com")
        sql(app, f"DELETE FROM accounts WHERE email = 'late{number - 1}@example.com'")

    found = [user["email"] for user in walk(desk, meanwhile=meanwhile, limit=2)]
    assert sorted(found) == sorted(["ada@example.com", *(f"early{number}@example.com" for number in range(11))])
    assert found[-1] == "ada@example.com"


@pytest.mark.usefixtures("each_database")
def test_accounts_of_one_moment_are_all_listed(app, client, desk):
    for number in range(7):
        sign_up(client, email=f"twin{number}@example.com")
    sql(app, "UPDATE accounts SET created_at = '2026-01-01 00:00:00.123456'")
    ids = [user["id"] for user in walk(desk, limit=3)]
    assert (len(ids), ids) == (8, sorted(ids, reverse=True))


def test_a_list_of_one_state_has_no_other(client, desk, bob):
    eve = sign_up(client, email="eve@example.com")
    desk.post(f"users/{bob.id}/disable")
    client.delete(
        "/api/v1/account", json={"password": "correct horse battery"}, headers=bearer(eve["access_token"])
    )  # fmt: skip
    listed = {state: emails(desk, state=state) for state in ("active", "disabled", "deleting")}
    assert listed == {"active": ["ada"], "disabled": ["bob"], "deleting": ["eve"]}
    assert emails(desk, state="disabled", search="ada") == []


@pytest.mark.usefixtures("each_database")
def test_events_and_messages_are_paginated_too(client, desk):
    for number in range(4):
        sign_up(client, email=f"someone{number}@example.com")
    events = walk(desk, "audit", limit=2)
    assert [event["id"] for event in events] == sorted((event["id"] for event in events), reverse=True)
    assert len(events) == 5
    assert len(walk(desk, "mail", limit=3)) == 5
    assert len(walk(desk, "mail", limit=1, state="queued")) == 5


def test_the_last_page_says_that_it_is_the_last(desk, bob):
    assert desk.get("users", limit=2).json["next"] is None
    first = desk.get("users", limit=1).json
    assert json.dumps(first["users"]).count("bob@") == 1
    assert desk.get("users", limit=1, after=first["next"]).json["next"] is None
