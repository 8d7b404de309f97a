"""Weak passwords are rejected with advice; all others are accepted."""

import pytest

from app.domain.accounts.weak_passwords import COMMON, PasswordCommon, PasswordObvious, reject_weak
from tests.support.api import ANN, PASSWORD, bearer, forgot_password, is_problem, sign_up

KNOWN = ("ann.smith@example-shop.com", "latchkey", "accounts.example.net")


@pytest.mark.parametrize("password", ["password", "PASSWORD123", "iloveyou", "qwertyuiop", "ｐａｓｓｗｏｒｄ"])
def test_a_common_one_is_refused_however_it_is_spelled(password):
    with pytest.raises(PasswordCommon):
        reject_weak(password, KNOWN)


def test_far_more_than_the_three_thousand_most_common_are_known():
    assert len([password for password in COMMON.splitlines() if len(password) >= 8]) > 3_000


@pytest.mark.parametrize(
    "password",
    ["ann.smith2026", "AnnSmith!!", "smith-ann-1990", "latchkey123", "LatchKey!!!!", "exampleshop99"],
)  # fmt: skip
def test_password_from_email_address_or_service_name_is_rejected(password):
    with pytest.raises(PasswordObvious):
        reject_weak(password, KNOWN)


@pytest.mark.parametrize(
    "password", ["correct horse battery", "annual rainfall", "blacksmith anvils", "my latchkey hangs", "1234 5678", "x"]
)  # fmt: skip
def test_password_that_only_contains_such_a_word_is_accepted(password):
    reject_weak(password, KNOWN)


REFUSED = {"password123": "password_common", "ann-example-2026": "password_obvious"}


@pytest.mark.parametrize(("password", "code"), REFUSED.items())
def test_it_is_refused_wherever_a_password_is_chosen(app, client, auth, mailbox, password, code):
    answer = client.post("/api/v1/auth/signup", json=ANN | {"password": password})
    assert is_problem(answer, 400, code)
    assert "unrelated words" in answer.json["detail"]
    tokens = sign_up(client)
    change = {"password": password, "current_password": PASSWORD}
    answer = client.put("/api/v1/account/password", json=change, headers=bearer(tokens["access_token"]))
    assert is_problem(answer, 400, code)
    forgot_password(client)
    auth.mail_delivery.deliver_due()
    token = mailbox.messages[-1].token
    body = {"reset_token": token, "password": password}
    assert is_problem(client.post("/api/v1/reset-password", json=body), 400, code)
    body["password"] = "a new horse battery"
    assert client.post("/api/v1/reset-password", json=body).status_code == 200, "the refusal used the link up"
