"""/api/v1/account: what each route answers."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.support.api import bearer, is_problem, me, sign_up

MEMBERS = {
    "id", "email", "email_verified", "first_name", "last_name", "locale", "roles", "has_password",
    "has_second_factor", "permissions", "claims", "created_at", "updated_at",
}  # fmt: skip


@pytest.fixture
def change(client, ann):
    """Send a PATCH; gives the answer."""
    return lambda **changes: client.patch("/api/v1/account", json=changes, headers=bearer(ann["access_token"]))


def refused(shared, **changes):
    """The answer to a PATCH that leaves nothing behind."""
    return shared.client.patch("/api/v1/account", json=changes, headers=bearer(shared.ann["access_token"]))


def test_a_new_account_is_shown_whole(client, ann):
    account = me(client, ann).json
    assert account.keys() == MEMBERS
    assert (account["email"], account["email_verified"], account["roles"]) == ("ann@example.com", False, [])


def test_an_account_is_named_by_a_uuid(client, ann):
    identifier = me(client, ann).json["id"]
    assert str(UUID(identifier)) == identifier


def test_times_are_iso_8601_in_utc(client, ann):
    created = me(client, ann).json["created_at"]
    assert created.endswith("Z")
    assert datetime.now(UTC) - datetime.fromisoformat(created) < timedelta(minutes=1)


def test_names_and_language_can_be_changed(change):
    account = change(first_name="Ann", last_name="Lee", locale="de-AT").json
    assert (account["first_name"], account["last_name"], account["locale"]) == ("Ann", "Lee", "de-AT")


def test_a_change_is_there_to_stay(client, ann, change):
    answer = change(first_name="Zoë 李 🔑")
    assert me(client, ann).json == answer.json


def test_omitted_members_stay_and_null_empties(change):
    change(first_name="Ann", last_name="Lee")
    account = change(first_name=None).json
    assert (account["first_name"], account["last_name"]) == (None, "Lee")


def test_a_change_is_dated(client, ann, change, clock):
    before = me(client, ann).json
    clock.advance(5)
    assert change(first_name="Ann").json["updated_at"] > before["updated_at"]


def test_empty_change_changes_nothing(client, ann, change):
    before = me(client, ann).json
    assert change().json == before


def test_change_affects_one_account_only(client, ann, change):
    bob = sign_up(client, email="bob@example.com")
    change(first_name="Ann")
    assert me(client, bob).json["first_name"] is None


@pytest.mark.parametrize("name", ["id", "email", "email_verified", "roles", "password_hash", "credentials_version"])
def test_unchangeable_members_are_rejected_by_name(shared, name):
    answer = refused(shared, **{name: "x"})
    assert is_problem(answer, 400, "invalid_input")
    assert answer.json["errors"][0]["field"] == name


@pytest.mark.parametrize(
    "locale", ["", "e", "english", "en_US", "en\n", "../../etc", "en-" + "x" * 40, "en-\u0661\u0662"]
)
def test_unknown_language_is_rejected(shared, locale):
    assert is_problem(refused(shared, locale=locale), 400, "invalid_input")


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "a\x1b[31m", "a\x7f", "a\x85b", "a\x9bb", "x" * 101])
def test_a_name_holds_no_control_characters_and_is_not_endless(shared, name):
    answer = refused(shared, first_name=name)
    assert is_problem(answer, 400, "invalid_input")
    assert answer.json["errors"][0]["field"] == "first_name"


def test_a_head_request_is_guarded_too(client, ann):
    heads = [client.head("/api/v1/account"), client.head("/api/v1/account", headers=bearer(ann["access_token"]))]
    assert [(head.status_code, head.data) for head in heads] == [(401, b""), (200, b"")]
