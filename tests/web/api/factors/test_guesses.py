"""Guesses at codes are limited for each account, and a stranger without the password cannot use the limit up."""

import pytest

from tests.support.api import is_problem, log_in, sql

pytestmark = pytest.mark.settings(ratelimit_enabled=True, ratelimit_credentials="1000 per minute")
LIMIT = 10


def guess(owner, token, times):
    return [owner.second_step(token, code=owner.app.wrong_code()).status_code for _ in range(times)]


@pytest.mark.usefixtures("each_database")
def test_wrong_codes_are_limited_and_the_owner_is_told(app, owner, auth, mailbox):
    token = owner.step_token()
    assert guess(owner, token, LIMIT + 3) == [400] * LIMIT + [429] * 3
    answer = owner.second_step(token, code=owner.new_code())
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    kinds = [row[0] for row in sql(app, "SELECT kind FROM outbox")]
    assert kinds.count("second_factor_guessed") == 1
    while auth.mail_delivery.deliver_due():
        pass
    assert any("right password" in each.text for each in mailbox.messages)


def test_wrong_codes_of_both_kinds_count_together(owner):
    token = owner.step_token()
    guess(owner, token, LIMIT - 1)
    wrong = "0000-0000-0000-0000-0000-0000"
    assert owner.second_step(token, recovery_code=wrong).status_code == 400
    assert owner.second_step(token, recovery_code=owner.recovery_codes[0]).status_code == 429


def test_a_new_first_step_brings_no_new_guesses(owner):
    guess(owner, owner.step_token(), LIMIT)
    assert guess(owner, owner.step_token(), 1) == [429]


def test_wrong_passwords_leave_the_second_step_open(owner):
    token = owner.step_token()
    for _ in range(LIMIT):
        assert log_in(owner.client, password="a wrong password").status_code == 401
    assert log_in(owner.client).status_code == 429
    assert owner.second_step(token, code=owner.new_code()).status_code == 200


def test_strangers_without_the_password_cannot_lock_the_owner_out(owner):
    for _ in range(3 * LIMIT):
        answer = owner.client.post("/api/v1/auth/second-factor", json={"token": "forged", "code": "123456"})
        assert is_problem(answer, 400, "sign_in_token_invalid")
    assert owner.second_step().status_code == 200


def test_guesses_in_a_session_have_a_counter_of_their_own(owner):
    for _ in range(LIMIT):
        assert owner.call("POST", "/auth/reauthenticate", code=owner.app.wrong_code()).status_code == 400
    assert owner.call("POST", "/auth/reauthenticate", code=owner.new_code()).status_code == 429
    assert owner.second_step().status_code == 200


def test_limit_ends_with_its_window(owner):
    token = owner.step_token()
    guess(owner, token, LIMIT)
    seconds = int(owner.second_step(token, code="123456").headers["Retry-After"])
    assert 0 < seconds <= 15 * 60
