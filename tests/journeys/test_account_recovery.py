"""'This was not me', in every email about something that happened to an account."""

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"


def alarm(ann, subject: str) -> str:
    return ann.link(subject, "not-me")


def test_securing_ends_sessions_cancels_changes_and_starts_a_reset(ann) -> None:
    ann.ask("PUT", "account/email", {"email": "thief@example.org"})
    confirm = ann.link("confirm your new", "confirm-email")
    token = alarm(ann, "about to change")
    ann.box.clear()
    assert ann.send("not-me", token=token).status_code == 200
    assert ann.ask("GET", "account").status_code == 401
    assert ann.send("account/email/confirm", token=confirm).json["code"] == "link_used"
    assert [to for to, _ in ann.emails()] == [ann.email]
    assert ann.sign_in().json["code"] == "invalid_credentials"
    assert ann.choose_new_password().status_code == 200


def test_the_link_works_once(ann) -> None:
    ann.ask("PUT", "account/password", {"password": "a new horse battery"})
    token = alarm(ann, "password was changed")
    assert ann.send("not-me", token=token).status_code == 200
    assert ann.send("not-me", token=token).json["code"] == "link_used"


def test_it_takes_a_deletion_back(ann) -> None:
    ann.ask("DELETE", "account", {"password": "correct horse battery"})
    assert ann.send("not-me", token=alarm(ann, "delet")).status_code == 200
    assert ann.choose_new_password().status_code == 200
    assert ann.ask("GET", "account/export").json["account"]["deletes_at"] is None


def test_login_from_a_new_device_sends_its_name(ann) -> None:
    ann.box.clear()
    ann.sign_in(**{"User-Agent": FIREFOX})
    assert "Firefox on Linux" in ann.newest("sign")
    ann.box.clear()
    ann.sign_in(**{"User-Agent": FIREFOX})
    assert ann.emails() == []


def test_link_of_another_kind_cannot_secure_an_account(ann) -> None:
    ann.send("forgot-password", email=ann.email)
    reset = ann.link("password", "reset-password")
    assert ann.send("not-me", token=reset).json["code"] == "link_invalid"
