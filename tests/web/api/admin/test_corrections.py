"""PATCH /admin/users/{id}: address, verification, names and language of other people's accounts."""

import pytest

from tests.support.api import log_in, me, sign_up, sql
from tests.support.person import Person as Reader


@pytest.fixture
def reader(client, auth, mailbox, bob):
    """Reads the emails to Bob."""
    return Reader(client, auth, mailbox, bob.email, bob.tokens)


@pytest.fixture
def correct(desk, bob):
    """Correct Bob's account; gives the answer."""
    return lambda **changes: desk.call("PATCH", f"users/{bob.id}", **changes)


def events_of(desk, bob):
    return [event["event"] for event in desk.get("audit", account=bob.id).json["events"]]


def test_names_and_locale_are_corrected(correct, desk, bob):
    answer = correct(first_name="Bob", last_name="Lee", locale="de")
    assert (answer.status_code, answer.json["first_name"], answer.json["locale"]) == (200, "Bob", "de")
    assert correct(last_name=None).json == desk.get(f"users/{bob.id}").json
    assert desk.get(f"users/{bob.id}").json["last_name"] is None
    newest = desk.get("audit", account=bob.id, event="account.updated").json["events"]
    assert [event["details"] for event in newest] == [
        {"members": "last_name"},
        {"members": "first_name last_name locale"},
    ]


def test_nothing_to_change_writes_no_event(correct, desk, bob):
    before = events_of(desk, bob)
    assert correct().status_code == 200
    assert correct(email=bob.email, email_verified=False, first_name=None).status_code == 200
    assert events_of(desk, bob) == before


@pytest.mark.usefixtures("each_database")
def test_new_address_is_unverified_and_the_old_one_can_undo(client, correct, reader, bob):
    correct(email_verified=True)
    answer = correct(email="robert@example.com")
    assert (answer.status_code, answer.json["email"], answer.json["email_verified"]) == (
        200,
        "robert@example.com",
        False,
    )
    assert me(client, bob.tokens).status_code == 401
    assert log_in(client, email=bob.email).status_code == 401
    assert log_in(client, email="robert@example.com").status_code == 200
    assert ("robert@example.com", "Welcome! Please confirm your address") in reader.emails()
    undo = reader.link("has a new address", "undo-email-change")
    assert reader.send("account/email/undo", token=undo).status_code == 200
    assert reader.choose_new_password().status_code == 200


def test_address_that_was_never_verified_cannot_undo(correct, reader, bob):
    correct(email="robert@example.com")
    assert (bob.email, "Your account has a new address") not in reader.emails()


def test_an_address_can_be_corrected_as_verified(correct, reader, desk, bob):
    assert correct(email="robert@example.com", email_verified=True).json["email_verified"] is True
    assert "robert@example.com" not in [address for address, _ in reader.emails()]
    assert events_of(desk, bob)[0] == "email.changed"


def test_verification_is_set_and_removed(client, correct, reader, desk, bob):
    assert correct(email_verified=True).json["email_verified"] is True
    assert events_of(desk, bob)[0] == "email.verified"
    reader.emails()
    reader.box.clear()
    assert correct(email_verified=False).json["email_verified"] is False
    assert events_of(desk, bob)[0] == "email.unverified"
    assert reader.emails() == [(bob.email, "Welcome! Please confirm your address")]
    assert me(client, bob.tokens).status_code == 200


def test_other_spelling_of_the_address_ends_no_session(client, correct, bob):
    assert correct(email="Bob@Example.com").json["email"] == "Bob@example.com"
    assert me(client, bob.tokens).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"email": "ADA@example.com", "first_name": "Bob"}, 409, "email_taken"),
        ({"email": "no address", "first_name": "Bob"}, 400, "invalid_email"),
        ({"email": None}, 400, "invalid_input"),
        ({"email_verified": None}, 400, "invalid_input"),
        ({"email_verified": "yes"}, 400, "invalid_input"),
        ({"locale": "not a locale"}, 400, "invalid_input"),
        ({"roles": []}, 400, "invalid_input"),
    ],
)
def test_invalid_correction_changes_nothing(correct, desk, bob, changes, status, code):
    before = desk.get(f"users/{bob.id}").json
    answer = correct(**changes)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert desk.get(f"users/{bob.id}").json == before


def test_an_address_that_an_undo_leads_to_is_taken(client, correct, desk, bob):
    eve = sign_up(client, email="eve@example.com")
    path = f"users/{me(client, eve).json['id']}"
    desk.call("PATCH", path, email_verified=True)
    assert desk.call("PATCH", path, email="eva@example.com").status_code == 200
    assert correct(email="eve@example.com").json["code"] == "email_taken"


def test_disabled_account_is_corrected_and_stays_disabled(correct, desk, bob):
    desk.post(f"users/{bob.id}/disable")
    answer = correct(email="robert@example.com", email_verified=True)
    assert (answer.json["email"], answer.json["state"]) == ("robert@example.com", "disabled")


def test_pending_links_of_the_owner_are_revoked(app, client, correct, reader):
    reader.ask("PUT", "account/email", {"email": "thief@example.com"})
    confirm = reader.link("confirm your new address", "confirm-email")
    correct(email="robert@example.com")
    assert reader.send("account/email/confirm", token=confirm).json["code"] == "link_used"
    assert sql(app, "SELECT count(*) FROM accounts WHERE email = 'thief@example.com'") == [(0,)]
