"""Codes: derived from the email that carries them, and told by nothing else."""

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
    ids=["purpose", "account", "letter", "secret"],
)  # fmt: skip
def test_each_purpose_account_letter_and_secret_has_a_code_of_its_own(other):
    assert other != CODE
    assert not CODES.matches(other, "verify-email", ANN, 7)


def test_a_code_of_an_earlier_or_coming_secret_that_is_listed_is_taken():
    changed = Codes(("another secret", "a secret"))
    assert changed.matches(CODE, "verify-email", ANN, 7)
    assert changed.of("verify-email", ANN, 7) == Codes(("another secret",)).of("verify-email", ANN, 7) != CODE


def test_the_codes_of_many_letters_are_all_different_and_use_every_character_alike():
    many = [CODES.of("verify-email", ANN, letter) for letter in range(20_000)]
    assert len(set(many)) >= len(many) - 1  # two of them may be the same by chance once in a hundred times
    for place in (0, LENGTH):
        counts = [sum(code[place] == character for code in many) for character in ALPHABET]
        assert min(counts) > 800
        assert max(counts) < 1_200


@pytest.mark.parametrize("typed", [CODE.lower(), CODE.replace("-", ""), f" {CODE.replace('-', ' ')} "])
def test_case_dashes_and_spaces_do_not_matter(typed):
    assert CODES.matches(typed, "verify-email", ANN, 7)
