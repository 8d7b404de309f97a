"""Cursors: only a cursor that a page returned is accepted."""

import pytest

from app.core.pagination import MAX_ID, InvalidCursor, decode_cursor, encode_cursor


@pytest.mark.parametrize("place", [(7,), (MAX_ID,), (1, "a"), (0, "")])
def test_a_cursor_leads_back_to_its_place(place: tuple[int | str, ...]) -> None:
    cursor = encode_cursor(*place)
    assert decode_cursor(cursor, *map(type, place)) == list(place)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("place", [(-1,), (MAX_ID + 1,), (True,), ("7",), (7, 7), ("a\n",)])
def test_a_place_of_another_kind_is_refused(place: tuple[int | str, ...]) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(encode_cursor(*place), int)
