"""The account store: races decided by the database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from app.domain.accounts.model import Account
from tests.support.api import ANN, log_in, sign_up, sql, update_rows

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_parallel_signups_with_one_address_open_one_account(each_app):
    def sign_up_as(number):
        body = {"email": "ANN@example.com" if number % 2 else "ann@EXAMPLE.com", "password": f"password of {number}"}
        return each_app.test_client().post("/api/v1/auth/signup", json=body).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(sign_up_as, range(8)))
    assert statuses == [201] + [409] * 7
    assert sql(each_app, "SELECT count(*) FROM accounts") == [(1,)]


def test_who_lost_the_race_left_no_session(each_app, client):
    sign_up(client)
    client.post("/api/v1/auth/signup", json=ANN)
    assert sql(each_app, "SELECT count(*) FROM sessions") == [(1,)]


@pytest.fixture
def disabled(app, client):
    """Ann's tokens from before her account was disabled."""
    tokens = sign_up(client)
    update_rows(app, Account, disabled_at=LONG_AGO)
    return tokens


def test_disabled_account_gets_the_same_login_error(client, disabled):
    assert log_in(client).data == log_in(client, email="nobody@example.com").data


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_disabled_account_s_tokens_are_dead_at_once(client, disabled, kind):
    method, path = ("GET", "/api/v1/account") if kind == "access_token" else ("POST", "/api/v1/auth/refresh")
    answer = client.open(path, method=method, headers={"Authorization": f"Bearer {disabled[kind]}"})
    assert (answer.status_code, answer.json["code"]) == (401, "invalid_token")
