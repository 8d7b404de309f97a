"""The pages over the real app: from an email to what its button did."""

import pytest

from tests.support.person import PASSWORD, Person

NEW, MOVED = "another staple entirely", "anna@example.org"


@pytest.fixture
def ann(client, auth, mailbox) -> Person:
    ann = Person(client, auth, mailbox)
    ann.sign_up()
    return ann


def press(ann, page, token) -> str:
    """Look at the link as a scanner does, then as a person does, then press the button."""
    for _ in range(2):
        assert ann.client.get(f"/{page}").status_code == 200
        assert "<button" in ann.client.post(f"/{page}", data={"token": token}).text
    return ann.client.post(f"/{page}", data={"token": token, "act": "confirm"}).text


def move(ann) -> None:
    assert ann.ask("PUT", "account/email", {"email": MOVED, "password": PASSWORD}).status_code == 202
    assert "Your email address has been changed" in press(
        ann, "confirm-email", ann.link("new address", "confirm-email")
    )


def test_an_address_is_confirmed_once(ann):
    token = ann.link("onfirm", "verify-email")
    assert "Your email address is confirmed" in press(ann, "verify-email", token)
    assert ann.ask("GET", "account").json["email_verified"]
    assert "already used" in ann.client.post("/verify-email", data={"token": token}).text


def test_an_address_changes_and_every_device_stays_signed_in(ann):
    move(ann)
    assert ann.ask("GET", "account").json["email"] == MOVED


def test_undo_page_restores_the_address_and_ends_sessions(ann):
    move(ann)
    undo = ann.link("has a new address", "undo-email-change")
    assert "Your old email address is restored" in press(ann, "undo-email-change", undo)
    assert ann.ask("GET", "account").status_code == 401
    assert ann.emails()[-1] == ("ann@example.com", "Choose a new password")


def test_an_address_that_was_taken_meanwhile_stays_where_it_is(ann):
    ann.ask("PUT", "account/email", {"email": MOVED, "password": PASSWORD})
    token = ann.link("new address", "confirm-email")
    Person(ann.client, ann.auth, ann.box, MOVED).sign_up()
    answer = press(ann, "confirm-email", token)
    assert "This email address is taken" in answer
    assert ann.ask("GET", "account").json["email"] == "ann@example.com"


def test_secure_page_ends_sessions_and_sends_an_email(ann):
    ann.ask("PUT", "account/email", {"email": MOVED, "password": PASSWORD})
    alarm = ann.link("about to change", "not-me")
    assert "All devices were signed out" in press(ann, "not-me", alarm)
    assert ann.ask("GET", "account").status_code == 401
    assert ann.emails()[-1] == ("ann@example.com", "Choose a new password")


def test_a_forgotten_password_is_replaced_with_the_code(ann):
    ann.client.post("/reset-password/request", data={"email": ann.email})
    form = {"email": ann.email, "password": NEW}
    wrong = ann.client.post("/reset-password/code", data=form | {"code": "BBBB-BBBB"})
    assert (wrong.status_code, 'id="code-error"' in wrong.text) == (400, True)
    typed = ann.code("new password").lower().replace("-", " ")
    assert "Your password has been changed" in ann.client.post("/reset-password/code", data=form | {"code": typed}).text
    assert ann.sign_in(NEW).status_code == 200


def test_link_of_another_email_opens_no_page(ann):
    token = ann.link("onfirm", "verify-email")
    for page in ("confirm-email", "undo-email-change", "not-me", "reset-password"):
        answer = ann.client.post(f"/{page}", data={"token": token})
        assert (answer.status_code, "does not work" in answer.text) == (400, True)
