"""Signed challenges: made anywhere, accepted for one purpose, one binding and ten minutes."""

from datetime import timedelta

import pytest

from app.domain.challenges.challenges import LENGTH, LIFETIME, ChallengeExpired, Challenges

OLD, NEW = "an old secret of more than 32 bytes", "a new secret of more than 32 bytes"


@pytest.fixture
def challenges(clock):
    return Challenges((NEW, OLD), clock)


def test_challenge_expires_after_ten_minutes(challenges, clock):
    now, made = clock.now(), challenges.new("sign-in")
    expires_at = challenges.check("sign-in", "", made)
    assert timedelta(0) <= now + LIFETIME - expires_at < timedelta(seconds=1)
    clock.advance(minutes=10)
    with pytest.raises(ChallengeExpired):
        challenges.check("sign-in", "", made)


def test_challenges_differ(challenges):
    made = [challenges.new("sign-in") for _ in range(100)]
    assert len(set(made)) == 100
    assert {len(challenge) for challenge in made} == {LENGTH}


@pytest.mark.parametrize(
    ("purpose", "bound_to"),
    [("sign-up", "ann"), ("sign-in", "bob"), ("sign-in", ""), ("sign-in\0ann", ""), ("", "ann")],
)
def test_other_purpose_or_binding_is_rejected(challenges, purpose, bound_to):
    made = challenges.new("sign-in", "ann")
    assert challenges.check("sign-in", "ann", made) is not None
    assert challenges.check(purpose, bound_to, made) is None


def test_every_changed_bit_is_noticed(challenges):
    made = challenges.new("sign-in")
    for bit in range(LENGTH * 8):
        changed = bytearray(made)
        changed[bit // 8] ^= 1 << bit % 8
        assert challenges.check("sign-in", "", bytes(changed)) is None


@pytest.mark.parametrize("length", [0, 1, 15, 16, 20, 35, 37, 1_000])
def test_other_lengths_are_rejected(challenges, length):
    assert challenges.check("sign-in", "", (challenges.new("sign-in") * 40)[:length]) is None


def test_secret_is_replaced_without_losing_challenges(challenges, clock):
    assert challenges.check("sign-in", "", Challenges((OLD,), clock).new("sign-in")) is not None
    assert Challenges((OLD,), clock).check("sign-in", "", challenges.new("sign-in")) is None
