"""Sign-in with an ID token that an app got from the provider's SDK."""

import hashlib
import time

import pytest

from app.core.base64url import decode, encode
from tests.support.api import is_problem
from tests.support.lying_provider import DISCOVERY, OMITTED, Reply, ec_key, public_jwk
from tests.support.provider_visitor import AUTH

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def test_id_token_with_its_nonce_is_accepted_once(visitor, lying):
    nonce = visitor.new_nonce()
    token = lying.id_token(nonce)
    assert visitor.send_id_token(token, nonce).status_code < 300
    assert is_problem(visitor.send_id_token(token, nonce), 400, "challenge_used")
    assert is_problem(visitor.send_id_token(lying.id_token(nonce), nonce), 400, "challenge_used")


def test_digest_of_the_nonce_is_accepted(visitor, lying):
    nonce = visitor.new_nonce()
    token = lying.id_token(hashlib.sha256(nonce.encode()).hexdigest())
    assert visitor.send_id_token(token, nonce).status_code < 300


def test_asking_for_a_nonce_costs_no_request(client, lying):
    answer = client.get(f"{AUTH}/id-token/nonce")
    assert (answer.status_code, answer.json["expires_in"]) == (200, 600)
    assert answer.json["nonce"] != client.get(f"{AUTH}/id-token/nonce").json["nonce"]
    assert lying.requests == []


def test_nonce_of_another_id_token_is_refused(visitor, lying):
    first, second = visitor.new_nonce(), visitor.new_nonce()
    assert is_problem(visitor.send_id_token(lying.id_token(first), second), 400, "id_token_invalid")
    assert visitor.send_id_token(lying.id_token(first), first).status_code < 300


@pytest.mark.parametrize("nonce", ["", "n-1", "A" * 48, "ä", "\0", "=" * 48])
def test_own_nonce_is_refused(visitor, lying, nonce):
    assert is_problem(visitor.send_id_token(lying.id_token(nonce), nonce), 400, "id_token_invalid")
    assert lying.requests == []


def test_challenge_of_a_passkey_is_refused_as_nonce(visitor, lying):
    challenge = visitor.client.post(f"{AUTH}/passkey/options", json={}).json["publicKey"]["challenge"]
    assert is_problem(visitor.send_id_token(lying.id_token(challenge), challenge), 400, "id_token_invalid")


def test_nonce_expires(visitor, lying, clock):
    nonce = visitor.new_nonce()
    clock.advance(minutes=11)
    assert is_problem(
        visitor.send_id_token(lying.id_token(nonce, iat=int(time.time()) + 660), nonce), 400, "challenge_expired"
    )


def test_nonce_is_required(visitor, lying):
    answer = visitor.send_id_token(lying.id_token(nonce=OMITTED), None)
    assert is_problem(answer, 400, "id_token_invalid")
    assert answer.json["errors"][0]["field"] == "nonce"


@pytest.mark.provider(needs_nonce=False)
def test_id_token_without_nonce_works_once_if_allowed(visitor, lying):
    token = lying.id_token(nonce=OMITTED)
    assert visitor.send_id_token(token, None).status_code < 300
    assert is_problem(visitor.send_id_token(token, None), 400, "challenge_used")


@pytest.mark.provider(needs_nonce=False)
def test_second_signature_of_an_id_token_counts_as_the_same(visitor, lying):
    """For each ECDSA signature (r, s) there is a second one, (r, n - s), which anybody can compute."""
    lying.metadata["id_token_signing_alg_values_supported"] = ["ES256"]
    lying.keys = [public_jwk(ec_key())]
    token = lying.id_token(nonce=OMITTED, key=ec_key(), algorithm="ES256")
    signing_input, _, signature = token.rpartition(".")
    raw = decode(signature)
    other = raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    assert visitor.send_id_token(token, None).status_code < 300
    assert is_problem(visitor.send_id_token(f"{signing_input}.{encode(other)}", None), 400, "challenge_used")


@pytest.mark.provider(needs_nonce=False)
def test_nonce_that_is_sent_counts_although_it_is_optional(visitor, lying):
    nonce = visitor.new_nonce()
    assert is_problem(visitor.send_id_token(lying.id_token("another"), nonce), 400, "id_token_invalid")


def test_client_id_of_an_app_is_accepted_if_listed(visitor, lying):
    nonce = visitor.new_nonce()
    assert is_problem(
        visitor.send_id_token(lying.id_token(nonce, aud="android-client"), nonce), 400, "id_token_invalid"
    )
    assert visitor.send_id_token(lying.id_token(nonce, aud="ios-client"), nonce).status_code < 300


def test_unknown_provider_is_named(visitor, lying):
    visitor.id = "google"
    answer = visitor.send_id_token(lying.id_token(), visitor.new_nonce())
    assert is_problem(answer, 400, "id_token_invalid")
    assert answer.json["errors"][0]["field"] == "provider"


def test_github_makes_no_id_tokens(visitor, lying):
    visitor.id, nonce = "github", visitor.new_nonce()
    assert is_problem(visitor.send_id_token(lying.id_token(nonce), nonce), 400, "id_token_invalid")


def test_unreachable_keys_are_503(visitor, lying):
    nonce = visitor.new_nonce()
    lying.replies[DISCOVERY] = Reply(500)
    answer = visitor.send_id_token(lying.id_token(nonce), nonce)
    assert is_problem(answer, 503, "provider_unavailable")
    assert answer.headers["Retry-After"] == "5"
