"""What an access token says about how its session authenticated (RFC 9068, 2.2.1)."""

import jwt
import pytest

from tests.support.api import PASSWORD, bearer, log_in


def claims(tokens):
    return jwt.decode(tokens["access_token"], options={"verify_signature": False})


def refresh(client, tokens):
    return client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).json


@pytest.mark.usefixtures("each_database")
def test_password_sign_in_is_named_in_the_token(client, ann, clock):
    now = clock.hold()
    found = claims(log_in(client).json)
    assert (found["amr"], found["acr"], found["auth_time"]) == (["pwd"], "aal1", int(now.timestamp()))


@pytest.mark.usefixtures("each_database")
def test_only_reauthentication_renews_the_authentication_time(client, ann, clock):
    clock.advance(minutes=-5)
    began = clock.hold()
    tokens = log_in(client).json
    clock.reset()
    tokens = refresh(client, tokens)
    assert claims(tokens)["auth_time"] == int(began.timestamp())
    renewed = client.post(
        "/api/v1/auth/reauthenticate", json={"password": PASSWORD}, headers=bearer(tokens["access_token"])
    )
    assert renewed.status_code == 204
    assert claims(refresh(client, tokens))["auth_time"] >= int(began.timestamp()) + 300
