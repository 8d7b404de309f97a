"""From signing up to a confirmed address."""

import pytest

REQUIRED = pytest.mark.settings(require_verified_email=True)
VERIFY = "onfirm"


def verified(person) -> bool:
    return person.ask("GET", "account").json["email_verified"]


def test_link_of_the_first_email_verifies_once(ann) -> None:
    assert not verified(ann)
    token = ann.link(VERIFY, "verify-email")
    assert ann.send("verify-email", token=token).status_code == 200
    assert verified(ann)
    assert ann.send("verify-email", token=token).json["code"] == "link_used"


def test_code_of_the_same_email_verifies_too(ann) -> None:
    code = ann.code(VERIFY).lower().replace("-", " ")
    assert ann.send("verify-email", email="ANN@example.com", code=code).status_code == 200
    assert verified(ann)


def test_five_wrong_codes_revoke_the_code_but_not_the_link(ann) -> None:
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


def test_asking_again_sends_a_new_link_and_revokes_the_old(ann) -> None:
    old = ann.link(VERIFY, "verify-email")
    assert ann.ask("POST", "verify-email/resend", {}).status_code == 202
    new = ann.link(VERIFY, "verify-email")
    assert ann.send("verify-email", token=old).json["code"] == "link_used"
    assert ann.send("verify-email", token=new).status_code == 200


def test_resend_answers_alike_and_sends_only_when_needed(ann) -> None:
    ann.send("verify-email", token=ann.link(VERIFY, "verify-email"))
    ann.box.clear()
    answers = [ann.send("verify-email/resend", email=email) for email in (ann.email, "nobody@example.com")]
    assert len({(answer.status_code, answer.data) for answer in answers}) == 1
    assert ann.emails() == []


def test_verification_takes_either_a_token_or_a_code(ann) -> None:
    for body in ({}, {"email": ann.email}, {"token": "x", "email": ann.email, "code": "BBBB-BBBB"}):
        assert ann.send("verify-email", **body).json["code"] == "invalid_input"


@REQUIRED
def test_required_verification_hides_whether_an_address_is_taken(person) -> None:
    ann, eve = person(), person("Ann@EXAMPLE.com")
    first, second = ann.sign_up(), eve.sign_up()
    assert (first.status_code, first.data) == (second.status_code, second.data) == (202, first.data)
    assert "Set-Cookie" not in first.headers
    assert [to for to, _ in ann.emails()] == ["ann@example.com"] * 2
    assert "already have an account" in ann.emails()[1][1]


@REQUIRED
def test_login_before_verification_does_not_reveal_a_taken_address(person) -> None:
    bob = person("bob@example.com")
    bob.sign_up()
    bob.send("verify-email", token=bob.link(VERIFY, "verify-email"))
    answers = []
    for email in ("new@example.com", "bob@example.com"):
        stranger = person(email)
        body = {"email": email, "password": "the password of a stranger"}
        assert stranger.client.post("/api/v1/auth/signup", json=body).status_code == 202
        answers.append(stranger.client.post("/api/v1/auth/login", json=body))
        answers.append(stranger.client.post("/api/v1/auth/login?transport=cookie", json=body))
    assert {(answer.status_code, answer.data, answer.headers.get("Set-Cookie")) for answer in answers} == {
        (401, answers[0].data, None)
    }
    assert "not confirmed yet" in answers[0].json["detail"]


@REQUIRED
def test_signing_in_works_once_the_address_is_confirmed(person) -> None:
    ann = person()
    ann.sign_up()
    assert ann.sign_in().json["code"] == "invalid_credentials"
    ann.send("verify-email", token=ann.link(VERIFY, "verify-email"))
    assert ann.sign_in().status_code == 200


@REQUIRED
def test_password_reset_verifies_the_address(person) -> None:
    ann = person()
    ann.sign_up()
    ann.send("forgot-password", email=ann.email)
    ann.send("reset-password", reset_token=ann.link("password", "reset-password"), password="a new horse battery")
    assert ann.sign_in("a new horse battery").status_code == 200


ELSEWHERE = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0"}


def confirm_elsewhere(ann, client, **headers: str):
    token = ann.link(VERIFY, "verify-email")
    return client.post("/api/v1/verify-email", json={"token": token}, headers=ELSEWHERE | headers)


def test_verification_on_the_signup_device_ends_no_session(ann) -> None:
    assert ann.send("verify-email", token=ann.link(VERIFY, "verify-email")).status_code == 200
    assert ann.ask("GET", "account").status_code == 200


def test_a_link_used_on_another_device_ends_the_sessions_before(ann, client) -> None:
    assert confirm_elsewhere(ann, client).status_code == 200
    assert ann.ask("GET", "account").status_code == 401
    assert ann.sign_in().status_code == 200


def test_a_device_that_shows_its_refresh_token_keeps_every_session(ann, client) -> None:
    shown = {"Authorization": f"Bearer {ann.tokens['refresh_token']}"}
    assert confirm_elsewhere(ann, client, **shown).status_code == 200
    assert ann.ask("GET", "account").status_code == 200


def test_confirming_a_confirmed_address_again_ends_no_session(ann, client) -> None:
    ann.send("verify-email", token=ann.link(VERIFY, "verify-email"))
    ann.sign_in()
    assert ann.ask("POST", "verify-email/resend", {}).status_code == 202
    assert ann.ask("GET", "account").status_code == 200


def test_mailbox_owner_claims_an_account_that_another_person_opened(ann, client) -> None:
    token = ann.link(VERIFY, "verify-email")
    ann.ask("PUT", "account/email", {"email": "stranger@example.org"})
    moving = ann.link("confirm your new", "confirm-email")
    assert ann.send("verify-email/claim", token=token).status_code == 200
    assert ann.ask("GET", "account").status_code == 401
    assert ann.sign_in().json["code"] == "invalid_credentials"
    assert ann.send("account/email/confirm", token=moving).json["code"] == "link_used"
    assert ann.send("verify-email", token=token).json["code"] == "link_used"
    assert ann.choose_new_password().status_code == 200
    assert verified(ann)


def test_a_confirmed_account_cannot_be_claimed(ann) -> None:
    token = ann.link(VERIFY, "verify-email")
    ann.send("verify-email", token=token)
    assert ann.send("verify-email/claim", token=token).json["code"] == "link_used"
    assert ann.ask("GET", "account").status_code == 200
