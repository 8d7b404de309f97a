"""/api/v1/forgot-password and /reset-password: what each answers."""

import pytest

from tests.support.api import forgot_password, headers_of, is_problem, log_in, reset


@pytest.fixture
def token(client, ann, auth, mailbox):
    """The token from Ann's email."""
    forgot_password(client)
    auth.mail_delivery.deliver_due()
    return mailbox.messages[-1].token


def test_a_forgotten_password_is_always_answered_alike(client, ann):
    known, unknown = forgot_password(client), forgot_password(client, "nobody@example.com")
    assert (known.status_code, known.json.keys()) == (200, {"message"})
    assert (known.data, headers_of(known)) == (unknown.data, headers_of(unknown))


def test_asking_again_is_answered_alike(client, ann):
    first, second = forgot_password(client), forgot_password(client)
    assert (first.status, first.data) == (second.status, second.data)


def test_a_link_sets_the_password(client, token):
    answer = reset(client, token)
    assert (answer.status_code, answer.json.keys(), answer.headers["Cache-Control"]) == (200, {"message"}, "no-store")
    assert log_in(client, password="a new horse battery").status_code == 200


def test_password_reset_opens_no_session(client, token):
    answer = reset(client, token)
    assert "token" not in answer.text
    assert [line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie")] == ["latchkey_device"]
    assert client.get("/api/v1/account").status_code == 401


def test_a_used_link_is_refused(client, token):
    reset(client, token)
    assert is_problem(reset(client, token), 400, "link_used")


@pytest.mark.settings(reset_link_expires=60)
def test_an_expired_link_is_refused(client, token, clock):
    clock.advance(60)
    assert is_problem(reset(client, token), 400, "link_expired")


@pytest.mark.parametrize("garbage", ["x", "é", "a.b.c", "." * 2_000, "null", "W10.x", "\0", " "])
def test_malformed_link_is_rejected_by_name(shared, garbage):
    answer = reset(shared.client, garbage)
    assert is_problem(answer, 400, "link_invalid")
    assert answer.json["errors"][0]["field"] == "reset_token"


def test_a_short_password_leaves_the_link_alive(client, token):
    assert is_problem(reset(client, token, password="short"), 400, "password_too_short")
    assert reset(client, token).status_code == 200


def test_bearer_token_is_rejected_as_a_link(shared):
    assert [reset(shared.client, shared.ann[kind]).json["code"] for kind in ("access_token", "refresh_token")] == [
        "link_invalid"
    ] * 2
