"""A change of address: confirmed from the new one, told to the old one, undone for 72 hours."""

NEW = "ann@example.org"
CONFIRM = "confirm your new"
CHANGED = "has a new address"


def change(ann, to: str = NEW) -> None:
    assert ann.ask("PUT", "account/email", {"email": to}).status_code == 202


def confirm(ann):
    return ann.send("account/email/confirm", token=ann.link(CONFIRM, "confirm-email"))


def address(ann) -> str:
    return ann.ask("GET", "account").json["email"]


def test_it_holds_once_confirmed_from_the_new_address(ann) -> None:
    change(ann)
    assert address(ann) == "ann@example.com"
    assert confirm(ann).status_code == 200
    assert (address(ann), ann.ask("GET", "account").json["email_verified"]) == (NEW, True)
    assert ann.sign_in().json["code"] == "invalid_credentials"
    ann.email = NEW
    assert ann.sign_in().status_code == 200


def test_both_addresses_are_told(ann) -> None:
    ann.box.clear()
    change(ann)
    assert {to for to, _ in ann.emails()} == {"ann@example.com", NEW}
    ann.box.clear()
    confirm_token = ann.ask("PUT", "account/email", {"email": NEW})
    assert confirm_token.status_code == 202


def test_the_code_confirms_it_in_the_session_that_asked(ann) -> None:
    change(ann)
    assert ann.ask("POST", "account/email/confirm-code", {"code": ann.code(CONFIRM)}).status_code == 200
    assert address(ann) == NEW


def test_email_change_needs_recent_authentication_or_the_password(ann, clock) -> None:
    clock.advance(minutes=11)
    assert ann.ask("PUT", "account/email", {"email": NEW}).json["code"] == "reauthentication_required"
    given = {"email": NEW, "password": "correct horse battery"}
    assert ann.ask("PUT", "account/email", given).status_code == 202


def test_taken_address_is_revealed_only_to_its_owner(ann, person) -> None:
    bob = person("bob@example.com")
    bob.sign_up()
    bob.emails()
    ann.box.clear()
    change(ann, "BOB@example.com")
    assert ("bob@example.com", "You already have an account") in ann.emails()
    assert not any("confirm-email#" in email.text for email in ann.box.messages)


def test_an_address_taken_meanwhile_is_refused_on_confirming(ann, person) -> None:
    change(ann)
    token = ann.link(CONFIRM, "confirm-email")
    person(NEW).sign_up()
    assert ann.send("account/email/confirm", token=token).json["code"] == "email_taken"
    assert address(ann) == "ann@example.com"


def test_asking_for_another_address_voids_the_first_link(ann) -> None:
    change(ann, "first@example.org")
    first = ann.link(CONFIRM, "confirm-email")
    change(ann, "second@example.org")
    ann.emails()
    assert ann.send("account/email/confirm", token=first).json["code"] == "link_used"
    assert confirm(ann).status_code == 200
    assert address(ann) == "second@example.org"


def test_undo_ends_every_session_and_starts_a_reset(ann) -> None:
    change(ann)
    confirm(ann)
    undo = ann.link(CHANGED, "undo-email-change")
    ann.box.clear()
    assert ann.send("account/email/undo", token=undo).status_code == 200
    assert ann.ask("GET", "account").status_code == 401
    assert [to for to, _ in ann.emails()] == ["ann@example.com"]
    assert ann.send("account/email/undo", token=undo).json["code"] == "link_used"
    assert ann.sign_in().json["code"] == "invalid_credentials"
    assert ann.choose_new_password().status_code == 200


def test_undoing_works_for_72_hours(ann, clock) -> None:
    change(ann)
    confirm(ann)
    undo = ann.link(CHANGED, "undo-email-change")
    clock.advance(hours=72)
    assert ann.send("account/email/undo", token=undo).json["code"] == "link_expired"


def test_second_email_change_keeps_the_first_undo_link(ann) -> None:
    change(ann, "thief1@example.org")
    confirm(ann)
    undo = ann.link(CHANGED, "undo-email-change")
    change(ann, "thief2@example.org")
    confirm(ann)
    assert ann.send("account/email/undo", token=undo).status_code == 200
    assert ann.choose_new_password().status_code == 200


def test_email_change_revokes_the_reset_link_of_the_old_address(ann) -> None:
    ann.send("forgot-password", email=ann.email)
    reset = ann.link("password", "reset-password")
    change(ann)
    confirm(ann)
    answer = ann.send("reset-password", reset_token=reset, password="a new horse battery")
    assert answer.json["code"] == "link_used"
