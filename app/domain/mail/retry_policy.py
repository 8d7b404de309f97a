"""When delivery of a message is retried, and when it is given up."""

import random
from datetime import datetime, timedelta

FIRST_DELAY = timedelta(seconds=5)
MAX_DELAY = timedelta(hours=1)
JITTER = 0.2
MAX_AGE = timedelta(days=3)


def next_attempt(attempts: int, created_at: datetime, now: datetime, jitter: random.Random) -> datetime | None:
    """When to retry after `attempts`; None after `MAX_AGE`.

    The delay doubles from 5 s up to an hour, ±20 %. It is at most a tenth of the message's age (but at least 30 s), so
    that messages leave soon after the end of an outage.
    """
    age = now - created_at
    if age >= MAX_AGE:
        return None
    doubled = FIRST_DELAY * (1 << min(max(attempts - 1, 0), 10))
    delay = min(doubled, MAX_DELAY, max(age / 10, timedelta(seconds=30)))
    seconds = delay.total_seconds() * jitter.uniform(1 - JITTER, 1 + JITTER)
    return now + timedelta(seconds=seconds)
