"""How roles are stored."""

import pytest

from app.domain.accounts.roles import InvalidRoles, role_words


@pytest.mark.parametrize(
    ("names", "kept"),
    [([], ""), (["b", "a", "b"], "a b"), (["x" * 32], "x" * 32), (["a-b_c9"], "a-b_c9"), ([f"r{n}" for n in range(10)],
     "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9")],
)  # fmt: skip
def test_roles_are_kept_once_and_in_order(names: list[str], kept: str) -> None:
    assert role_words(names) == kept


@pytest.mark.parametrize(
    "names",
    [["A"], ["1a"], ["-a"], ["_a"], [""], [" "], ["a b"], ["a\n"], ["ä"], ["x" * 33], [f"r{n}" for n in range(11)],
     ["x" * 31 + str(n) for n in range(8)]],
)  # fmt: skip
def test_unknown_role_is_rejected(names: list[str]) -> None:
    with pytest.raises(InvalidRoles):
        role_words(names)
