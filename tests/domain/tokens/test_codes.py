"""Codes are derived from the id of their message, and depend on purpose, account and secret."""

import pytest

from app.domain.tokens.codes import ALPHABET, LENGTH, Codes

ANN, BOB = "ann's id", "bob's id"
CODES = Codes(("a secret",))
CODE = CODES.of("verify-email", ANN, 7)


def test_a_code_has_34_bits_and_reads_like_one():
    assert len(set(ALPHABET)) ** LENGTH >= 2**34
    assert (len(CODE), CODE[4]) == (LENGTH + 1, "-")
    assert set(CODE) <= {*ALPHABET, "-"}


@pytest.mark.parametrize(
    "other",
    [CODES.of("reset-password", ANN, 7), CODES.of("verify-email", BOB, 7), CODES.of("verify-email", ANN, 8),
     Codes(("another secret",)).of("verify-email", ANN, 7)],
    ids=["purpose", "account", "message", "secret"],
)  # fmt: skip
def test_codes_differ_by_purpose_account_message_and_secret(other):
    assert other != CODE
    assert not CODES.matches(other, "verify-email", ANN, 7)


def test_code_of_any_listed_secret_is_accepted():
    changed = Codes(("another secret", "a secret"))
    assert changed.matches(CODE, "verify-email", ANN, 7)
    assert changed.of("verify-email", ANN, 7) == Codes(("another secret",)).of("verify-email", ANN, 7) != CODE


def test_codes_are_unique_and_evenly_distributed():
    many = [CODES.of("verify-email", ANN, message) for message in range(20_000)]
    assert len(set(many)) >= len(many) - 1  # two of them may be the same by chance once in a hundred times
    for place in (0, LENGTH):
        counts = [sum(code[place] == character for code in many) for character in ALPHABET]
        assert min(counts) > 800
        assert max(counts) < 1_200


@pytest.mark.parametrize("typed", [CODE.lower(), CODE.replace("-", ""), f" {CODE.replace('-', ' ')} "])
def test_case_dashes_and_spaces_do_not_matter(typed):
    assert CODES.matches(typed, "verify-email", ANN, 7)
