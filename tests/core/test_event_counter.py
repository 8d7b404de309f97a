"""Counting from many threads."""

from concurrent.futures import ThreadPoolExecutor

from app.core.event_counter import EventCounter


def test_no_count_is_lost_between_threads():
    tally = EventCounter()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: tally.add("even" if number % 2 == 0 else "odd"), range(10_000)))
    assert tally.counts() == {"even": 5_000, "odd": 5_000}


def test_what_it_gives_is_a_copy():
    tally = EventCounter()
    tally.counts()["seen"] = 1
    assert tally.counts() == {}


def test_what_has_never_happened_is_told_of_as_well():
    tally = EventCounter(["seen", "heard"])
    tally.add("seen")
    assert tally.counts() == {"seen": 1, "heard": 0}
