"""flask keys: a key is published before it signs, and the key it replaces still verifies."""

from collections.abc import Iterator

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.domain.tokens.keys import decrypt
from tests.support.api import sql
from tests.support.apps import close

ANN = {"email": "ann@example.com", "password": "correct horse battery"}


def kid_of(token: str) -> str:
    return jwt.get_unverified_header(token)["kid"]


def published(client: FlaskClient) -> list[str]:
    return [key["kid"] for key in client.get("/.well-known/jwks.json").json["keys"]]


def run(app: Flask, *words: str):
    return app.test_cli_runner().invoke(args=["keys", *words])


def rotate(app: Flask, *words: str) -> str:
    return run(app, "rotate", *words).output.split()[0]


def sign_in(client: FlaskClient, path: str = "login") -> dict[str, str]:
    return client.post(f"/api/v1/auth/{path}", json=ANN).json


def works(client: FlaskClient, tokens: dict[str, str]) -> bool:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return client.get("/api/v1/account", headers=headers).status_code == 200


@pytest.mark.usefixtures("each_database")
def test_a_new_key_is_published_before_it_signs(app: Flask, client: FlaskClient) -> None:
    old = kid_of(sign_in(client, "signup")["access_token"])
    new = rotate(app)
    assert published(client) == [old, new]
    assert kid_of(sign_in(client)["access_token"]) == old


@pytest.mark.usefixtures("each_database")
def test_once_it_signs_tokens_of_both_keys_work(app: Flask, client: FlaskClient, clock) -> None:
    before = sign_in(client, "signup")
    new = rotate(app, "--soon")
    clock.advance(11)
    after = sign_in(client)
    assert kid_of(after["access_token"]) == new
    assert works(client, before)
    assert works(client, after)


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256", "ES256"])
def test_the_new_key_may_be_of_another_kind(app: Flask, client: FlaskClient, clock, algorithm: str) -> None:
    before = sign_in(client, "signup")
    rotate(app, "--soon", "--algorithm", algorithm)
    clock.advance(11)
    after = sign_in(client)
    assert jwt.get_unverified_header(after["access_token"])["alg"] == algorithm
    assert works(client, before)
    assert works(client, after)


def test_repeated_refresh_after_key_rotation_returns_identical_bytes(app: Flask, client: FlaskClient, clock) -> None:
    first = sign_in(client, "signup")["refresh_token"]
    headers = {"Authorization": f"Bearer {first}"}
    successor = client.post("/api/v1/auth/refresh", headers=headers).json["refresh_token"]
    rotate(app, "--soon", "--algorithm", "EdDSA")
    clock.advance(11)
    assert client.post("/api/v1/auth/refresh", headers=headers).json["refresh_token"] == successor


def test_key_name_with_a_leading_dash_is_not_an_option(app: Flask, client: FlaskClient) -> None:
    sign_in(client, "signup")
    refused = run(app, "retire", "-ha42cmKPggs0RsHG6aNXdyWnDEYh06LaJHMFBqdvjE")
    assert (refused.exit_code, refused.output) == (1, "Error: No usable key has this name.\n")


def test_a_retired_key_is_refused_and_no_longer_published(app: Flask, client: FlaskClient, clock) -> None:
    before = sign_in(client, "signup")
    rotate(app, "--soon")
    clock.advance(11)
    assert run(app, "retire", kid_of(before["access_token"])).exit_code == 0
    assert not works(client, before)
    assert kid_of(before["access_token"]) not in published(client)


def test_the_only_key_that_signs_cannot_be_retired(app: Flask, client: FlaskClient) -> None:
    kid = kid_of(sign_in(client, "signup")["access_token"])
    rotate(app)
    result = run(app, "retire", kid)
    assert result.exit_code == 1
    assert "No other key signs yet" in result.output


def test_what_is_done_to_keys_is_journalled_as_the_operators(app: Flask, client: FlaskClient, clock) -> None:
    kid = kid_of(sign_in(client, "signup")["access_token"])
    rotate(app, "--soon")
    clock.advance(11)
    run(app, "retire", kid)
    assert run(app, "retire", kid).exit_code == 1
    events = sql(app, "SELECT event FROM audit_events WHERE actor_id = 'operator' ORDER BY id")
    assert events == [("key.rotated",), ("key.retired",)]


def test_an_unknown_name_is_said_to_be_unknown(app: Flask) -> None:
    assert run(app, "retire", "no-such-key").exit_code == 1


def test_an_old_key_leaves_when_its_last_token_is_dead(app: Flask, client: FlaskClient, clock) -> None:
    old = kid_of(sign_in(client, "signup")["access_token"])
    new = rotate(app, "--soon")
    clock.advance(days=13)
    assert published(client) == [old, new]
    clock.advance(days=2)
    app.extensions["latchkey"].key_rotation.keys._read_at = float("-inf")
    assert published(client) == [new]


def test_key_list_shows_the_role_of_each_key(app: Flask, client: FlaskClient, clock) -> None:
    first = kid_of(sign_in(client, "signup")["access_token"])
    second = rotate(app)
    clock.advance(minutes=10)
    third = rotate(app)
    lines = [line.split("  ") for line in run(app, "list").output.splitlines()]
    assert [(line[0], line[-1]) for line in lines] == [(first, "verifies"), (second, "signs"), (third, "signs later")]


def test_private_keys_rest_encrypted(app: Flask, client: FlaskClient) -> None:
    sign_in(client, "signup")
    (kept,) = sql(app, "SELECT private_key FROM signing_keys")[0]
    with pytest.raises(ValueError, match="not encrypted with any of these secrets"):
        decrypt(kept, bytes(32))


SECRET, OLDER = "a new secret of thirty-two bytes", "an old secret, of thirty-two bytes"


@pytest.fixture
def changed(settings, clock) -> Iterator[Flask]:
    """The service on the same database, restarted with a new secret and the old one listed."""
    changes = {"key_encryption_secret": SECRET, "key_encryption_secret_fallbacks": [OLDER]}
    app = create_app(settings.model_copy(update=changes), clock=clock)
    yield app
    close(app)


@pytest.mark.usefixtures("each_database")
@pytest.mark.settings(key_encryption_secret=OLDER)
def test_resealing_says_how_many_keys_it_changed_and_is_journalled(app: Flask, client: FlaskClient, changed) -> None:
    tokens = sign_in(client, "signup")
    kids = [kid_of(tokens["access_token"]), rotate(app)]
    newest = rotate(changed)
    assert run(changed, "reencrypt").output == "2 re-encrypted, 1 already used the current secret\n"
    assert run(changed, "reencrypt").output == "0 re-encrypted, 3 already used the current secret\n"
    events = sql(app, "SELECT actor_id, details FROM audit_events WHERE event = 'key.reencrypted'")
    assert sorted(kid for kid in kids if any(kid in str(details) for _, details in events)) == sorted(kids)
    assert [actor for actor, _ in events] == ["operator", "operator"]
    assert published(changed.test_client()) == [*kids, newest]
    assert works(changed.test_client(), tokens)


@pytest.mark.settings(key_encryption_secret=OLDER)
def test_after_resealing_the_old_secret_opens_nothing(app: Flask, client: FlaskClient, changed) -> None:
    sign_in(client, "signup")
    run(changed, "reencrypt")
    refused = run(app, "reencrypt")
    assert (refused.exit_code, refused.output.startswith("Error: No secret decrypts a signing key")) == (1, True)
    assert sql(app, "SELECT count(*) FROM audit_events WHERE event = 'key.reencrypted'") == [(1,)]


def test_without_a_key_there_is_nothing_to_reseal(app: Flask) -> None:
    assert run(app, "reencrypt").output == "0 re-encrypted, 0 already used the current secret\n"


def test_the_key_set_is_cacheable_and_not_sent_twice(client: FlaskClient) -> None:
    first = client.get("/.well-known/jwks.json")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = client.get("/.well-known/jwks.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_discovery_names_the_issuer_and_the_key_set(client: FlaskClient) -> None:
    found = client.get("/.well-known/oauth-authorization-server").json
    openid = client.get("/.well-known/openid-configuration").json
    assert openid == openid | found
    token = sign_in(client, "signup")["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (found["issuer"], found["access_token_audience"]) == (claims["iss"], claims["aud"])
    assert found["jwks_uri"] == found["issuer"] + "/.well-known/jwks.json"
