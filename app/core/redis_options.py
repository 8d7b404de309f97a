"""How we talk to Redis: it is next door and answers at once, or it is of no use."""

from typing import Any, Final

TIMEOUT: Final = 0.1  # seconds that a request waits for Redis at most


def options_for(url: str) -> dict[str, Any]:
    """What a client for `url` is told; nothing where no Redis is named."""
    if not url:
        return {}
    # Here and not above: who names no Redis starts without its client, which takes longer to load than all of ours.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    timeouts = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), TIMEOUT)
    # The client would pause before it tries again, in the middle of somebody's sign-in.
    return {**timeouts, "retry": Retry(NoBackoff(), 0), "wrap_exceptions": True}
