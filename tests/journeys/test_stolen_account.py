"""A thief moves an account to another address: whatever happens to it then, the undo link brings it back."""

import pytest

from tests.journeys.test_email_change import CHANGED, change, confirm

PASSWORD = {"password": "correct horse battery"}


@pytest.fixture
def undo(ann) -> str:
    """The token of the undo link that Ann got when her account was moved to the thief's address."""
    change(ann, "thief@example.org")
    confirm(ann)
    token = ann.link(CHANGED, "undo-email-change")
    ann.box.clear()
    return token


def account_id(ann) -> str:
    return ann.ask("GET", "account").json["id"]


def undoes(ann, token: str) -> None:
    """Ann uses the link, chooses a password, and signs in with her address."""
    assert ann.send("account/email/undo", token=token).status_code == 200
    assert ann.choose_new_password().status_code == 200
    found = ann.auth.admin_accounts.find("ann@example.com")
    assert (found.email_verified, found.state) == (True, "active")


def test_undo_works_after_the_account_was_deleted(ann, undo, clock, auth) -> None:
    assert ann.ask("DELETE", "account", PASSWORD).status_code == 204
    undoes(ann, undo)
    clock.advance(days=30)
    assert auth.cleanup.run()["accounts"] == 0
    assert ann.sign_in("a new horse battery").status_code == 200


@pytest.mark.settings(deletion_grace_days=0)
def test_undo_outlasts_a_deletion_without_grace(ann, undo, clock, auth) -> None:
    assert ann.ask("DELETE", "account", PASSWORD).status_code == 204
    clock.advance(hours=71)
    auth.cleanup.run()
    undoes(ann, undo)


@pytest.mark.settings(deletion_grace_days=0)
def test_account_is_deleted_once_the_undo_has_expired(ann, undo, clock, auth) -> None:
    assert ann.ask("DELETE", "account", PASSWORD).status_code == 204
    clock.advance(hours=73)
    assert auth.cleanup.run()["accounts"] == 1
    assert ann.send("account/email/undo", token=undo).json["code"] == "link_expired"


def test_both_addresses_are_told_of_the_deletion(ann, undo) -> None:
    ann.ask("DELETE", "account", PASSWORD)
    told = dict(ann.emails())
    assert set(told) == {"thief@example.org", "ann@example.com"}
    assert "used this address" in told["ann@example.com"]


def test_undo_works_after_disabling_and_enabling(ann, undo, auth) -> None:
    one = account_id(ann)
    auth.admin_accounts.disable(None, one)
    auth.admin_accounts.enable(None, one)
    undoes(ann, undo)


def test_undo_of_a_disabled_account_restores_the_address_only(ann, undo, auth) -> None:
    one = account_id(ann)
    auth.admin_accounts.disable(None, one)
    assert ann.send("account/email/undo", token=undo).status_code == 200
    found = auth.admin_accounts.find(one)
    assert (found.email, found.state) == ("ann@example.com", "disabled")
    auth.admin_accounts.enable(None, one)
    ann.send("forgot-password", email=ann.email)
    assert ann.choose_new_password().status_code == 200


def test_undo_works_after_the_thief_changed_the_password(ann, undo) -> None:
    body = {"current_password": PASSWORD["password"], "password": "the password of a thief"}
    assert ann.ask("PUT", "account/password", body).status_code == 204
    undoes(ann, undo)


def test_old_address_is_reserved_while_the_undo_link_works(ann, undo, person, clock) -> None:
    thief = person("ANN@example.com")
    assert thief.sign_up().json["code"] == "email_taken"
    other = person("other@example.org")
    other.sign_up()
    change(other, "ann@example.com")
    token = other.link("confirm your new", "confirm-email")
    assert other.send("account/email/confirm", token=token).json["code"] == "email_taken"
    undoes(ann, undo)


def test_the_old_address_is_free_once_the_undo_has_expired(ann, undo, person, clock) -> None:
    clock.advance(hours=72)
    assert person("ann@example.com").sign_up().status_code == 201


def test_the_owner_can_go_back_to_the_old_address_directly(ann, undo) -> None:
    change(ann, "ann@example.com")
    confirm(ann)
    assert ann.ask("GET", "account").json["email"] == "ann@example.com"
