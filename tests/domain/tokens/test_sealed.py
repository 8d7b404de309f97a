"""Sealed tokens: opened for one purpose, until they expire, and unreadable and unchangeable on the way."""

import base64
from datetime import timedelta

import pytest

from app.core import base64url
from app.domain.tokens.sealed import MAX_LENGTH, SealedTokens

OLD, NEW = "an old secret of more than 32 bytes", "a new secret of more than 32 bytes"
VALUES = {"subject": "4711", "email": "ann@example.com", "trusted": False, "name": None}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def sealed(clock):
    return SealedTokens((NEW, OLD), clock)


def test_sealed_values_come_back(sealed, clock):
    token, now = sealed.seal("code", VALUES, MINUTE), clock.now()
    opened = sealed.open("code", token)
    assert opened.values == VALUES
    assert timedelta(0) <= now + MINUTE - opened.expires_at < timedelta(seconds=1)


def test_token_expires(sealed, clock):
    token = sealed.seal("code", VALUES, MINUTE)
    clock.advance(seconds=61)
    assert sealed.open("code", token) is None


@pytest.mark.parametrize("purpose", ["", "cod", "code ", "CODE", "link"])
def test_token_of_another_purpose_is_rejected(sealed, purpose):
    assert sealed.open(purpose, sealed.seal("code", VALUES, MINUTE)) is None


def test_token_shows_nothing_of_its_values(sealed):
    token = sealed.seal("code", VALUES, MINUTE)
    raw = base64url.decode(token)
    assert not [text for text in (b"4711", b"ann@", b"subject", b"code") if text in raw or text in token.encode()]


def test_equal_values_give_different_tokens(sealed):
    assert len({sealed.seal("code", VALUES, MINUTE) for _ in range(50)}) == 50


def test_every_changed_byte_is_noticed(sealed):
    raw = base64url.decode(sealed.seal("code", VALUES, MINUTE))
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1
        assert sealed.open("code", base64url.encode(bytes(changed))) is None


def test_token_has_one_accepted_text(sealed):
    token = sealed.seal("code", {"text": "abc"}, MINUTE)
    others = [
        token + "=",
        token + "A",
        " " + token,
        token[:-1],
        base64.b64encode(base64url.decode(token)).decode() + "=",
    ]
    assert [sealed.open("code", other) for other in others] == [None] * len(others)


@pytest.mark.parametrize(
    "token", ["", "A", "AAAA", "A" * 38, "A" * 60, "ä", "\0", "e30", "A" * MAX_LENGTH, "A" * 10**6]
)
def test_other_text_is_rejected(sealed, token):
    assert sealed.open("code", token) is None


def test_secret_is_replaced_without_losing_tokens(sealed, clock):
    assert sealed.open("code", SealedTokens((OLD,), clock).seal("code", VALUES, MINUTE)) is not None
    assert SealedTokens((OLD,), clock).open("code", sealed.seal("code", VALUES, MINUTE)) is None
