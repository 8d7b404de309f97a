"""How much the tests do: a few minutes' worth for each commit, all there is when LONG_TESTS=1."""

import os
from typing import TypeVar

import pytest

Size = TypeVar("Size")

LONG = os.environ.get("LONG_TESTS") == "1"
long = pytest.mark.long  # a test whose size differs
only_long = pytest.mark.long(only=True)  # a test or a parameter that adds little to the others of its kind


def sized(commit: Size, long: Size) -> Size:
    """The number for the profile that runs: of rounds, clients or examples."""
    return long if LONG else commit
