"""/api/v1/auth: what each route answers."""

from itertools import pairwise

import pytest

from tests.support.api import ANN, bearer, dump_tables, headers_of, is_problem, log_in, log_out, me, refresh, sign_up

CHALLENGE = 'Bearer realm="latchkey"'


def is_tokens(answer, status):
    body = answer.json
    types = {name: type(value) for name, value in body.items()}
    expected = {"access_token": str, "refresh_token": str, "token_type": str, "expires_in": int}
    cache = answer.headers["Cache-Control"]
    return (answer.status_code, types, body["token_type"], cache) == (status, expected, "Bearer", "no-store")


def test_signing_up_gives_tokens(client):
    answer = client.post("/api/v1/auth/signup", json=ANN)
    assert is_tokens(answer, 201)
    assert me(client, answer.json).json["email"] == "ann@example.com"


def test_access_token_lifetime_varies_by_five_percent(client, ann):
    assert 855 <= ann["expires_in"] <= 900


def test_a_taken_address_is_a_conflict(client, ann):
    assert is_problem(client.post("/api/v1/auth/signup", json=ANN), 409, "email_taken")


def test_signing_up_again_keeps_the_first_password(client, ann):
    client.post("/api/v1/auth/signup", json=ANN | {"password": "somebody else's"})
    assert log_in(client).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/auth/signup", "/api/v1/auth/login", "/api/v1/forgot-password"])
def test_malformed_address_is_rejected_by_name(client, path):
    body = {"email": "ann at example"} | ({} if "forgot" in path else {"password": "correct horse battery"})
    answer = client.post(path, json=body)
    assert is_problem(answer, 400, "invalid_email")
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [("email", "invalid_email")]


def test_a_short_password_is_refused_by_name(client):
    answer = client.post("/api/v1/auth/signup", json=ANN | {"password": "1234567"})
    assert is_problem(answer, 400, "password_too_short")
    assert answer.json["errors"][0]["field"] == "password"


@pytest.mark.settings(password_min_length=20)
def test_how_short_is_too_short_is_a_setting(client):
    answer = client.post("/api/v1/auth/signup", json=ANN | {"password": "x" * 19})
    assert (answer.json["code"], "20" in answer.json["detail"]) == ("password_too_short", True)


def test_passwords_have_at_most_1024_characters(client):
    answers = [client.post("/api/v1/auth/signup", json=ANN | {"password": "x" * size}) for size in (1_025, 1_024)]
    assert [answer.status_code for answer in answers] == [400, 201]


def test_signing_in_gives_tokens_of_a_new_session(client, ann):
    answer = log_in(client)
    assert is_tokens(answer, 200)
    assert answer.json["refresh_token"] != ann["refresh_token"]


def test_wrong_password_and_unknown_address_answer_alike(client, ann):
    wrong, unknown = log_in(client, password="wrong horse battery"), log_in(client, email="eve@example.com")
    assert is_problem(wrong, 401, "invalid_credentials")
    assert (wrong.data, headers_of(wrong)) == (unknown.data, headers_of(unknown))


def test_wrong_credentials_do_not_report_an_invalid_token(client):
    assert log_in(client).headers["WWW-Authenticate"] == CHALLENGE


def test_refreshing_gives_a_new_pair(client, ann):
    answer = refresh(client, ann)
    assert is_tokens(answer, 200)
    assert {answer.json["access_token"], answer.json["refresh_token"]}.isdisjoint(ann.values())


def test_a_refresh_token_may_be_sent_in_the_body(client, ann):
    answer = client.post("/api/v1/auth/refresh", json={"refresh_token": ann["refresh_token"]})
    assert answer.status_code == 200
    assert me(client, answer.json).status_code == 200


def test_one_refresh_token_may_be_sent_in_both_places(client, ann):
    token = ann["refresh_token"]
    answer = client.post("/api/v1/auth/refresh", json={"refresh_token": token}, headers=bearer(token))
    assert answer.status_code == 200


@pytest.mark.settings(basic_auth=True)
@pytest.mark.parametrize("scheme", ["access", "another refresh", "Basic"])
def test_second_credential_is_rejected(client, ann, scheme):
    others = {"access": f"Bearer {ann['access_token']}", "Basic": "Basic YW5uOnNlY3JldA=="}
    header = others.get(scheme) or f"Bearer {log_in(client).json['refresh_token']}"
    sent = {"json": {"refresh_token": ann["refresh_token"]}, "headers": {"Authorization": header}}
    assert is_problem(client.post("/api/v1/auth/refresh", **sent), 400, "multiple_credentials")
    assert refresh(client, ann).status_code == 200


def test_authorization_header_without_a_scheme_is_ignored(client, ann):
    careless = {"Authorization": ann["access_token"]}  # what a generated client sends whose callback knows one token
    answer = client.post("/api/v1/auth/refresh", json={"refresh_token": ann["refresh_token"]}, headers=careless)
    assert answer.status_code == 200


@pytest.mark.parametrize("body", [None, {}, {"refresh_token": None}])
def test_without_a_refresh_token_it_says_where_one_goes(client, body):
    answer = client.post("/api/v1/auth/refresh", json=body)
    assert is_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="latchkey"'
    assert "refresh token is missing" in answer.json["detail"]
    assert "`refresh_token` in the body" in answer.json["detail"]


@pytest.mark.parametrize("token", ["", "x", "x.y.z", "é", "x" * 5_000])
def test_a_bad_refresh_token_in_the_body_is_invalid(client, token):
    answer = client.post("/api/v1/auth/refresh", json={"refresh_token": token})
    assert is_problem(answer, 401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="latchkey", error="invalid_token"'


def test_the_wrong_kind_of_token_is_named(client, ann):
    wrong = refresh(client, {"refresh_token": ann["access_token"]})
    assert wrong.json["detail"] == "Wrong kind of token. Send the refresh token instead of the access token."
    wrong = me(client, {"access_token": ann["refresh_token"]})
    assert wrong.json["detail"] == "Wrong kind of token. Send the access token instead of the refresh token."


def test_signing_out_has_no_body(client, ann):
    answer = log_out(client, ann)
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (204, b"", "no-store")


def test_signing_out_twice_is_refused(client, ann):
    log_out(client, ann)
    assert is_problem(log_out(client, ann), 401, "invalid_token")


def test_unknown_logout_scope_is_rejected(client, ann):
    log_out(client, ann, scope="everything")
    assert me(client, ann).status_code == 200


def test_no_password_and_no_token_rests_in_the_tables(app, client, ann):
    everything = str(dump_tables(app)) + str(dump_tables(app).keys())
    assert [
        secret for secret in (ANN["password"], ann["access_token"], ann["refresh_token"]) if secret in everything
    ] == []


def test_no_two_answers_share_a_token(client):
    pairs = [sign_up(client, email=f"ann{number}@example.com") for number in range(4)]
    assert all(one["access_token"] != other["access_token"] for one, other in pairwise(pairs))


def test_a_password_never_runs_out(client, clock):
    sign_up(client)
    clock.advance(days=3_650)
    assert log_in(client).status_code == 200


def test_a_new_service_has_no_account(app):
    assert dump_tables(app)["accounts"] == []
