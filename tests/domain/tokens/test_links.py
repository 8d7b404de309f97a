"""Signed links: one purpose, one account, one state, one expiry."""

from datetime import timedelta

import pytest
from itsdangerous import URLSafeSerializer

from app.domain.tokens.links import LinkExpired, LinkInvalid, Links
from tests.support.clock import SettableClock

SECRET = "one secret of at least 32 bytes, is it not?"


@pytest.fixture
def clock():
    clock = SettableClock()
    clock.hold()
    return clock


@pytest.fixture
def links(clock):
    return Links((SECRET,), clock)


@pytest.fixture
def token(links, clock):
    return sign(links, clock)


def sign(links, clock, purpose="reset-password"):
    return links.sign(purpose, account_id="ann", state=7, expires_at=clock.now() + timedelta(minutes=30))


def test_a_link_says_what_it_was_made_for(links, token):
    assert links.open("reset-password", token) == ("ann", 7)


def test_a_link_of_another_purpose_is_invalid(links, clock):
    with pytest.raises(LinkInvalid):
        links.open("reset-password", sign(links, clock, "verify-email"))


def test_a_link_of_another_secret_is_invalid(links, clock):
    with pytest.raises(LinkInvalid):
        links.open("reset-password", sign(Links((SECRET[::-1],), clock), clock))


def test_link_of_any_listed_secret_is_accepted(links, clock, token):
    changed = Links((SECRET[::-1], SECRET), clock)
    assert changed.open("reset-password", token) == ("ann", 7)
    with pytest.raises(LinkInvalid):  # new links are signed with the first secret only
        links.open("reset-password", sign(changed, clock))


def test_a_link_works_until_its_end(links, clock, token):
    clock.advance(minutes=29, seconds=59)
    assert links.open("reset-password", token)


def test_from_its_end_on_it_is_expired(links, clock, token):
    clock.advance(minutes=30)
    with pytest.raises(LinkExpired):
        links.open("reset-password", token)


@pytest.mark.parametrize("garbage", ["", ".", "x", "a.b", "a.b.c", "é", "\0", "\ud800", "." * 2_000, "A" * 100_000])
def test_garbage_is_invalid(links, garbage):
    with pytest.raises(LinkInvalid):
        links.open("reset-password", garbage)


def test_a_link_can_stand_in_an_address(token):
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_plain_signature_with_the_secret_is_rejected_as_link(links):
    with pytest.raises(LinkInvalid):
        links.open("reset-password", URLSafeSerializer(SECRET).dumps(["ann", 7, 9_999_999_999]))
