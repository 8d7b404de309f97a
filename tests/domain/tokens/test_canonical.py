"""A signed text has one spelling: each change of each character is rejected."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.clock import Clock
from app.core.pagination import InvalidCursor, decode_cursor, encode_cursor
from app.domain.email_actions.model import Purpose
from app.domain.tokens.csrf import CsrfMismatch, CsrfTokens
from app.domain.tokens.jwt_tokens import ACCESS, REFRESH, InvalidToken
from app.domain.tokens.links import LinkInvalid, Links
from app.flows.steps.recognize_device import PURPOSE as KNOWN_DEVICE

SECRETS = ("a first secret of at least 32 bytes, is it?", "a second secret of at least 32 bytes, is it?")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SOMEBODY = "6f1c0a52-3c1e-4b7e-9d6a-0c2f6f0e7b11"
LINKS = Links(SECRETS, Clock())
CSRF = CsrfTokens(SECRETS)
IDS = [SOMEBODY, "0" * 36]  # the second one compresses, so its link begins with a dot


def spellings(text):
    """Other texts: each bit of each character changed, each character removed, and what lenient decoders ignore."""
    for place, character in enumerate(text):
        before, after = text[:place], text[place + 1 :]
        number = ALPHABET.find(character)
        others = [ALPHABET[number ^ 1 << bit] for bit in range(6)] if number >= 0 else "-_A"
        yield from (before + other + after for other in [*others, ".", "/", "+", "=", "!", "\n", "é", "\0", ""])
        yield before + "\n" + text[place:]
    yield from (text + more for more in ["=", "==", "===", "====", " ", "\n", "A", ".", "\0"])
    yield from ("=" + text, " " + text, "." + text)


def accepted(text, read):
    """The spellings that `read` accepts, other than the text itself."""
    found = []
    for other in {*spellings(text)} - {text}:
        try:
            read(other)
        except (LinkInvalid, InvalidToken, CsrfMismatch, InvalidCursor):
            continue
        found.append(other)
    return found


@pytest.mark.parametrize("account_id", IDS)
@pytest.mark.parametrize("purpose", [*(purpose.value for purpose in Purpose), KNOWN_DEVICE])
def test_no_other_spelling_of_a_link_is_accepted(purpose, account_id):
    token = LINKS.sign(purpose, account_id=account_id, state=7, expires_at=datetime.now(UTC) + timedelta(days=1))
    assert LINKS.open(purpose, token) == (account_id, 7)
    assert accepted(token, lambda other: LINKS.open(purpose, other)) == []


@pytest.mark.parametrize(("kind", "name"), [(ACCESS, "access_token"), (REFRESH, "refresh_token")])
def test_no_other_spelling_of_a_bearer_token_is_accepted(app, ann, kind, name):
    read = app.extensions["latchkey"].sessions.tokens.read
    with app.app_context():
        assert read(ann[name], kind)
        assert accepted(ann[name], lambda other: read(other, kind)) == []


def test_no_other_spelling_of_a_csrf_token_is_accepted():
    token = CSRF.of(SOMEBODY)
    assert CSRF.check(SOMEBODY, token) is None
    assert accepted(token, lambda other: CSRF.check(SOMEBODY, other)) == []


@pytest.mark.parametrize("place", [(1_234_567,), (12,), (1_700_000_000_000_000, SOMEBODY)])
def test_no_two_cursors_name_one_place(place):
    cursor, types = encode_cursor(*place), [type(part) for part in place]
    same = [other for other in accepted(cursor, lambda other: decode_cursor(other, *types))
            if tuple(decode_cursor(other, *types)) == place]  # fmt: skip
    assert same == []
