"""How often an email is tried, and when we give it up."""

import random
from datetime import datetime, timedelta

FIRST_DELAY = timedelta(seconds=5)
MAX_DELAY = timedelta(hours=1)
JITTER = 0.2
MAX_AGE = timedelta(days=3)


def next_attempt(attempts: int, created_at: datetime, now: datetime, jitter: random.Random) -> datetime | None:
    """When to try again after so many attempts: from 5 s doubling up to an hour, ±20 %. None: not any more.

    An email never waits longer than a tenth of its age (half a minute at least), so that whatever waited out an outage
    leaves soon after its end.
    """
    age = now - created_at
    if age >= MAX_AGE:
        return None
    doubled = FIRST_DELAY * (1 << min(max(attempts - 1, 0), 10))
    delay = min(doubled, MAX_DELAY, max(age / 10, timedelta(seconds=30)))
    seconds = delay.total_seconds() * jitter.uniform(1 - JITTER, 1 + JITTER)
    return now + timedelta(seconds=seconds)
