"""Access and refresh tokens that the service issued, and the cache of their claims."""

from concurrent.futures import ThreadPoolExecutor

from cachetools import FIFOCache

from app.domain.tokens.jwt_tokens import CACHE_SIZE
from tests.domain.tokens.forge import forge, parts
from tests.support.api import bearer, is_problem, me, refresh


def test_an_access_token_follows_its_profile(ann, settings):
    header, claims = parts(ann["access_token"])
    assert (header["typ"], header["alg"], header.keys()) == ("at+jwt", "ES256", {"typ", "alg", "kid"})
    assert (claims["iss"], claims["aud"]) == (settings.public_url, "latchkey")


def test_a_refresh_token_is_for_the_issuer_alone(ann, settings):
    header, claims = parts(ann["refresh_token"])
    assert (header["typ"], claims["aud"], claims["gen"]) == ("rt+jwt", settings.public_url, 0)


def test_a_token_tells_nothing_about_a_person(client, ann):
    _, claims = parts(ann["access_token"])
    assert claims["sub"] == me(client, ann).json["id"]
    assert "ann" not in str(claims).replace("ann_", "")


def test_an_expired_token_is_refused_in_words_of_its_own(client, changed):
    answer = client.get("/api/v1/account", headers=bearer(changed(exp=1, iat=0, nbf=0)))
    assert is_problem(answer, 401, "token_expired")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="latchkey", error="invalid_token"'


def test_a_token_expires_though_it_was_remembered(client, ann, monkeypatch):
    me(client, ann)
    later = parts(ann["access_token"])[1]["exp"] + 31
    monkeypatch.setattr("app.domain.tokens.jwt_tokens.time.time", lambda: later)
    assert is_problem(me(client, ann), 401, "token_expired")


def test_an_expired_refresh_token_is_refused(client, ann, ours):
    header, claims = parts(ann["refresh_token"])
    expired = forge(header, claims | {"iat": 0, "nbf": 0, "exp": 1}, ours)
    assert is_problem(refresh(client, {"refresh_token": expired}), 401, "token_expired")


def test_token_of_another_account_than_the_session_is_rejected(client, changed):
    answer = client.get("/api/v1/account", headers=bearer(changed(sub="6f1c0a52-3c1e-4b7e-9d6a-0c2f6f0e7b11")))
    assert is_problem(answer, 401, "invalid_token")


def test_full_cache_drops_the_oldest_token(app, client, ann):
    cache = app.extensions["latchkey"].sessions.tokens._verified
    assert me(client, ann).status_code == 200
    (oldest, claims) = next(iter(cache.items()))
    digests = [number.to_bytes(32, "big") for number in range(CACHE_SIZE - len(cache))]
    cache.update((digest, claims) for digest in digests)
    assert (len(cache), oldest in cache) == (CACHE_SIZE, True)
    assert me(client, refresh(client, ann).json).status_code == 200
    assert (len(cache), oldest in cache, digests[-1] in cache) == (CACHE_SIZE, False, True)


def test_tokens_are_read_while_other_threads_replace_them(app, ann, monkeypatch):
    tokens = app.extensions["latchkey"].sessions.tokens
    monkeypatch.setattr(tokens, "_verified", FIFOCache(1))
    pair = [(ann["access_token"], "access"), (ann["refresh_token"], "refresh")]

    def read_in_turns(_: int) -> set[str]:
        with app.app_context():
            return {tokens.read(token, kind).kind for token, kind in pair * 50}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read_in_turns, range(4))) == [{"access", "refresh"}] * 4
