"""From signing up to a confirmed address."""

import pytest

REQUIRED = pytest.mark.settings(require_verified_email=True)
VERIFY = "onfirm"


def verified(person) -> bool:
    return person.ask("GET", "account").json["email_verified"]


def test_the_link_from_the_first_letter_confirms_the_address_once(ann) -> None:
    assert not verified(ann)
    token = ann.link(VERIFY, "verify-email")
    assert ann.send("verify-email", token=token).status_code == 200
    assert verified(ann)
    assert ann.send("verify-email", token=token).json["code"] == "link_used"


def test_the_code_from_the_same_letter_does_too(ann) -> None:
    code = ann.code(VERIFY).lower().replace("-", " ")
    assert ann.send("verify-email", email="ANN@example.com", code=code).status_code == 200
    assert verified(ann)


def test_after_five_wrong_codes_the_right_one_is_refused_and_the_link_still_works(ann) -> None:
    code, token = ann.code(VERIFY), ann.link(VERIFY, "verify-email")
    for _ in range(5):
        assert ann.send("verify-email", email=ann.email, code="BBBB-BBBB").json["code"] == "code_invalid"
    assert ann.send("verify-email", email=ann.email, code=code).json["code"] == "code_invalid"
    assert ann.send("verify-email", token=token).status_code == 200


def test_a_code_lives_ten_minutes(ann, clock) -> None:
    code = ann.code(VERIFY)
    clock.advance(minutes=10)
    assert ann.send("verify-email", email=ann.email, code=code).json["code"] == "code_invalid"


def test_a_code_for_an_unknown_address_is_refused_alike(ann) -> None:
    known = ann.send("verify-email", email=ann.email, code="BBBB-BBBB")
    unknown = ann.send("verify-email", email="nobody@example.com", code="BBBB-BBBB")
    assert (known.status_code, known.json) == (unknown.status_code, unknown.json)


def test_a_link_lives_a_day(ann, clock) -> None:
    token = ann.link(VERIFY, "verify-email")
    clock.advance(days=1)
    assert ann.send("verify-email", token=token).json["code"] == "link_expired"


def test_asking_again_sends_a_new_link_and_voids_the_old(ann) -> None:
    old = ann.link(VERIFY, "verify-email")
    assert ann.ask("POST", "verify-email/resend", {}).status_code == 202
    new = ann.link(VERIFY, "verify-email")
    assert ann.send("verify-email", token=old).json["code"] == "link_used"
    assert ann.send("verify-email", token=new).status_code == 200


def test_asking_again_says_the_same_to_everyone_and_writes_only_to_who_needs_it(ann) -> None:
    ann.send("verify-email", token=ann.link(VERIFY, "verify-email"))
    ann.box.clear()
    answers = [ann.send("verify-email/resend", email=email) for email in (ann.email, "nobody@example.com")]
    assert len({(answer.status_code, answer.data) for answer in answers}) == 1
    assert ann.letters() == []


def test_a_token_and_a_code_at_once_or_neither_is_malformed(ann) -> None:
    for body in ({}, {"email": ann.email}, {"token": "x", "email": ann.email, "code": "BBBB-BBBB"}):
        assert ann.send("verify-email", **body).json["code"] == "invalid_input"


@REQUIRED
def test_where_it_is_required_a_new_and_a_taken_address_get_the_same_answer(person) -> None:
    ann, eve = person(), person("Ann@EXAMPLE.com")
    first, second = ann.sign_up(), eve.sign_up()
    assert (first.status_code, first.data) == (second.status_code, second.data) == (202, first.data)
    assert "Set-Cookie" not in first.headers
    assert [to for to, _ in ann.letters()] == ["ann@example.com"] * 2
    assert "already have an account" in ann.letters()[1][1]


@REQUIRED
def test_where_it_is_required_signing_in_waits_for_it_and_only_a_right_password_learns_that(person) -> None:
    ann = person()
    ann.sign_up()
    assert (ann.sign_in().status_code, ann.sign_in().json["code"]) == (403, "email_not_verified")
    assert ann.sign_in("wrong").json["code"] == "invalid_credentials"
    ann.send("verify-email", token=ann.link(VERIFY, "verify-email"))
    assert ann.sign_in().status_code == 200


@REQUIRED
def test_a_reset_by_letter_confirms_the_address_as_well(person) -> None:
    ann = person()
    ann.sign_up()
    ann.send("forgot-password", email=ann.email)
    ann.send("reset-password", reset_token=ann.link("password", "reset-password"), password="a new horse battery")
    assert ann.sign_in("a new horse battery").status_code == 200
