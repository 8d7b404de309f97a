"""Redis client options: 100 ms timeouts and no retries."""

from typing import Any, Final

TIMEOUT: Final = 0.1  # seconds, to connect and for each response


def options_for(url: str) -> dict[str, Any]:
    """Keyword arguments for a client of `url`; empty without a URL."""
    if not url:
        return {}
    # Imported here: the client takes longer to load than our own code, and is not needed without Redis.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    timeouts = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), TIMEOUT)
    # By default the client pauses before a retry, which would delay a login.
    return {**timeouts, "retry": Retry(NoBackoff(), 0), "wrap_exceptions": True}
