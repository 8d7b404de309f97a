"""Claims: what may be stored, and how."""

import json

import pytest

from app.domain.accounts.claims import MAX_BYTES, InvalidClaims, claims_text, stored_claims


def nested(levels):
    return {"a": nested(levels - 1)} if levels > 1 else {}


@pytest.mark.parametrize(
    "claims",
    [
        {"plan": "team", "seats": 5, "ratio": 0.5, "beta": True, "none": None, "tags": ["a", {"b": []}]},
        {"name": "Özil 😀 \x01"},
        {"k" * 64: "v"},
        nested(4),
        {"list": [[[1]]]},
        {"n": 2**53 - 1, "m": -(2**53) + 1},
        {"x": "y" * (MAX_BYTES - 8)},
        {"x": "é" * ((MAX_BYTES - 8) // 2)},
    ],
)
def test_valid_claims_are_stored_and_read_unchanged(claims):
    text = claims_text(claims)
    assert len(text.encode()) <= MAX_BYTES
    assert stored_claims(text) == claims


def test_an_empty_object_is_stored_as_nothing():
    assert claims_text({}) is None
    assert stored_claims(None) == {}


@pytest.mark.parametrize(
    "claims",
    [
        [], "text", 5, None, True,
        {"x": "y" * (MAX_BYTES - 7)}, {"x": "é" * MAX_BYTES},
        nested(5), {"list": [[[[1]]]]},
        {"": 1}, {"k" * 65: 1}, {"a\0": 1}, {"a": "\0"}, {"a": ["\0"]}, {"a": "\ud800"}, {"\udfff": 1},
        {"n": 2**53}, {"n": float("nan")}, {"n": float("inf")}, {"n": {1: 2}}, {"n": object()},
    ],
)  # fmt: skip
def test_other_claims_are_rejected(claims):
    with pytest.raises(InvalidClaims):
        claims_text(claims)


def test_very_deep_claims_are_rejected():
    deep = json.loads("[" * 900 + "]" * 900)
    with pytest.raises(InvalidClaims):
        claims_text({"a": deep})
