"""Permissions: what roles allow."""

import pytest

from app.domain.accounts.permissions import MAX_BYTES, Permissions, parse_role_permissions

ARTICLES = "editor=articles.write articles.read; viewer=articles.read"


def test_each_permission_is_listed_once_and_sorted():
    permissions = Permissions(parse_role_permissions(ARTICLES))
    assert permissions.of(["viewer", "editor"]) == ["articles.read", "articles.write"]
    assert permissions.of(["viewer"]) == ["articles.read"]
    assert permissions.of(["admin"]) == permissions.of([]) == []


def test_without_a_setting_there_are_none():
    assert not Permissions(parse_role_permissions("")).are_set
    assert Permissions(parse_role_permissions(ARTICLES)).are_set


def test_spaces_and_a_last_semicolon_do_not_matter():
    assert parse_role_permissions(" editor = a  b ;\n") == {"editor": frozenset("ab")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("editor", "write `role=permission"),
        ("editor=", "write `role=permission"),
        ("=a", "name of a role"),
        ("Editor=a", "name of a role"),
        ("editor=a; editor=b", "named twice"),
        ("editor=A", "cannot be a permission"),
        ("editor=a,b", "cannot be a permission"),
        ("editor=" + "a" * 65, "cannot be a permission"),
        ("editor=" + " ".join(f"permission{number}" for number in range(70)), f"at most {MAX_BYTES} fit"),
    ],
)
def test_invalid_setting_is_rejected(text, says):
    with pytest.raises(ValueError, match=says):
        parse_role_permissions(text)
