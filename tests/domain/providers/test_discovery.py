"""Metadata and keys: read late, kept for a time, and refused if they are not what they should be."""

import logging
import threading
import time
from dataclasses import replace

import pytest

from app.domain.providers import cached
from app.domain.providers.cached import Cached
from app.domain.providers.connection import MOST_AT_ONCE, ProviderConnection
from app.domain.providers.errors import IdTokenInvalid, ProviderUnavailable
from tests.support.lying_provider import DISCOVERY, Reply, public_jwk, rsa_key

SHORT, SILENCE = 0.3, 30  # seconds
UNUSABLE = {
    "redirect": Reply(302, headers={"Location": "/elsewhere"}),
    "not found": Reply(404),
    "failure": Reply(500),
    "web page": Reply(body=b"<html>", content_type="text/html"),
    "broken JSON": Reply(body=b'{"issuer": '),
    "no object": Reply(body=b"[]"),
    "nothing": Reply(body=b""),
    "deep JSON": Reply(body=b"[" * 100_000),
    "not UTF-8": Reply(body=b"\xff\xfe\xfd"),
    "silence": Reply(silence=SILENCE),
}


def test_making_a_provider_sends_no_request(openid, lying):
    openid()
    assert lying.requests == []


def test_metadata_and_keys_are_read_once(openid, lying):
    provider = openid()
    for _ in range(5):
        provider.read_id_token(lying.id_token(), ("n-1",))
    assert (lying.count(DISCOVERY), lying.count("/keys")) == (1, 1)


@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
@pytest.mark.parametrize("problem", UNUSABLE)
def test_unusable_response_makes_the_provider_unavailable(openid, lying, path, problem):
    lying.replies[path] = UNUSABLE[problem]
    provider, begun = openid(timeout=SHORT) if problem == "silence" else openid(), time.monotonic()
    with pytest.raises(ProviderUnavailable):
        provider.read_id_token(lying.id_token(), ("n-1",))
    assert time.monotonic() - begun < SILENCE
    assert lying.count("/elsewhere") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://evil.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": 1},
        {"jwks_uri": "http://localhost.evil.example/keys"},
        {"jwks_uri": "ftp://localhost/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"userinfo_endpoint": "http://169.254.169.254/"},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
        {"id_token_signing_alg_values_supported": 1},
    ],
)
def test_wrong_metadata_is_not_used(openid, lying, attempt, changes, caplog):
    lying.metadata = changes
    with caplog.at_level(logging.WARNING), pytest.raises(ProviderUnavailable):
        openid().authorization_url(attempt)
    assert "identity provider work does not respond as it should: its metadata cannot be used" in caplog.text


@pytest.mark.parametrize("keys", [None, {}, [1, None], [{"kty": "RSA", "kid": "first"}]])
def test_unusable_key_set_accepts_no_token(openid, lying, keys):
    lying.keys = keys
    with pytest.raises((ProviderUnavailable, IdTokenInvalid)):
        openid().read_id_token(lying.id_token(), ("n-1",))


@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
@pytest.mark.parametrize("changes", [{"content_type": "text/html"}, {"padding": 20_000_000}, {"drip": 0.05}])
def test_right_content_in_a_wrong_response_is_not_used(openid, lying, path, changes):
    """JSON with the type of a page, of 20 MB, or that comes byte by byte, each in time."""
    right, dripping = lying.answer(path), "drip" in changes
    changes = dict(changes)
    body = right.body + b" " * changes.pop("padding", 0)
    lying.replies[path] = replace(right, body=body, **changes)
    provider, begun = openid(timeout=SHORT) if dripping else openid(), time.monotonic()
    with pytest.raises(ProviderUnavailable):
        provider.read_id_token(lying.id_token(), ("n-1",))
    assert time.monotonic() - begun < SILENCE


def test_key_set_has_a_limit(openid, lying):
    lying.keys += [{"kty": "RSA", "kid": str(number)} for number in range(99)]
    assert openid().read_id_token(lying.id_token(), ("n-1",)).subject == "subject-1"
    lying.keys.append({"kty": "RSA"})
    with pytest.raises(ProviderUnavailable):
        openid().read_id_token(lying.id_token(), ("n-1",))


def test_new_key_is_found(openid, lying, monkeypatch):
    provider = openid()
    provider.read_id_token(lying.id_token(), ("n-1",))
    lying.keys.append(public_jwk(rsa_key(2_049), "second"))
    later = time.monotonic() + 31
    monkeypatch.setattr(cached.time, "monotonic", lambda: later)
    token = lying.id_token(key=rsa_key(2_049), kid="second")
    assert provider.read_id_token(token, ("n-1",)).subject == "subject-1"


def test_forged_key_ids_cause_no_requests(openid, lying):
    provider = openid()
    for number in range(50):
        with pytest.raises(IdTokenInvalid):
            provider.read_id_token(lying.id_token(kid=f"forged-{number}"), ("n-1",))
    assert lying.count("/keys") == 1


def test_failed_provider_is_left_alone_for_a_moment(openid, lying, attempt):
    lying.replies[DISCOVERY] = Reply(500)
    provider = openid(pause=0.2)
    for _ in range(20):
        with pytest.raises(ProviderUnavailable) as refused:
            provider.authorization_url(attempt)
    assert (lying.count(DISCOVERY), refused.value.retry_after) == (1, 1)
    del lying.replies[DISCOVERY]
    time.sleep(0.25)
    assert provider.authorization_url(attempt).startswith(f"{lying.url}/authorization?")


def test_unreachable_provider_is_left_alone_too(lying):
    connection = ProviderConnection("work", timeout=0.3, pause=60)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            connection.get("http://localhost:9/")
    with pytest.raises(ProviderUnavailable):
        connection.get(f"{lying.url}{DISCOVERY}")
    assert lying.requests == []


def test_silent_provider_holds_few_threads(openid, lying, attempt):
    lying.replies[DISCOVERY] = Reply(silence=1)
    provider, durations = openid(timeout=SHORT), []

    def ask():
        begun = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            provider.authorization_url(attempt)
        durations.append(time.monotonic() - begun)

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(durations) == 40
    assert sum(duration > 0.2 for duration in durations) <= MOST_AT_ONCE
    assert lying.count(DISCOVERY) <= MOST_AT_ONCE


class Counter:
    def __init__(self):
        self.calls, self.fails = 0, False

    def __call__(self):
        self.calls += 1
        if self.fails:
            raise ProviderUnavailable
        return self.calls


@pytest.fixture
def moments(monkeypatch):
    moment = [1_000.0]
    monkeypatch.setattr(cached.time, "monotonic", lambda: moment[0])
    return moment


def test_old_value_counts_while_it_is_usable(moments):
    counter = Counter()
    value = Cached(counter, fresh=10, usable=100)
    assert (value.get(), value.get()) == (1, 1)
    moments[0] += 11
    assert value.get() == 2
    counter.fails = True
    moments[0] += 50
    assert value.get() == 2
    moments[0] += 51
    with pytest.raises(ProviderUnavailable):
        value.get()


def test_others_get_the_old_value_while_one_thread_reads(moments):
    value = Cached(Counter(), fresh=10, usable=100)
    value.get()
    moments[0] += 11
    with value._reading:
        assert value.get() == 1
    assert value.get() == 2
