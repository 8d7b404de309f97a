"""Cursors: what a page gave leads on, and nothing else does."""

import pytest

from app.core.pagination import LARGEST_ID, InvalidCursor, cursor_of, place_of


@pytest.mark.parametrize("place", [(7,), (LARGEST_ID,), (1, "a"), (0, "")])
def test_a_cursor_leads_back_to_its_place(place: tuple[int | str, ...]) -> None:
    cursor = cursor_of(*place)
    assert place_of(cursor, *map(type, place)) == list(place)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("place", [(-1,), (LARGEST_ID + 1,), (True,), ("7",), (7, 7), ("a\n",)])
def test_a_place_of_another_kind_is_refused(place: tuple[int | str, ...]) -> None:
    with pytest.raises(InvalidCursor):
        place_of(cursor_of(*place), int)
