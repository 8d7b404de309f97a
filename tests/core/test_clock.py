"""The clock."""

from datetime import UTC, datetime, timedelta

from app.core.clock import Clock


def test_now_is_aware_and_in_utc():
    now = Clock().now()
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)
