"""How much the tests do: three minutes' worth for each commit, more in CI, all there is when LONG_TESTS=1."""

import os
from typing import TypeVar

import pytest

Size = TypeVar("Size")

LONG = os.environ.get("LONG_TESTS") == "1"
CI = LONG or bool(os.environ.get("CI"))
long = pytest.mark.long  # a test whose size differs
only_long = pytest.mark.long(only=True)  # a test or a parameter that adds little to the others of its kind

in_ci = pytest.mark.in_ci  # a test or a parameter that takes seconds, and fails only together with others


def sized(commit: Size, long: Size) -> Size:
    """The number for the profile that runs: of rounds, clients or examples."""
    return long if LONG else commit
