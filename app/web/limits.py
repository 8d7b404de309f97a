"""How often one address may call a route: Flask-Limiter, counted in memory or in Redis."""

import ipaddress

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded

from app.core.errors import TooMany
from app.web.origin import address

# Which group of addresses counts as one caller: a household or a host usually has a whole /64 of IPv6.
IPV6_PREFIX = 64

limiter = Limiter(key_func=lambda: address_group(), strategy="fixed-window")


def address_group() -> str:
    """The caller's address, for IPv6 its /64."""
    caller = address() or "nowhere"
    if ":" in caller:
        return str(ipaddress.ip_network(f"{caller}/{IPV6_PREFIX}", strict=False))
    return caller


def init_limits(app: Flask, *, enabled: bool, redis_url: str) -> None:
    """Count calls per address group; with Redis gone each process counts for itself and goes on."""
    app.config.update(
        RATELIMIT_ENABLED=enabled, RATELIMIT_STORAGE_URI=redis_url or "memory://",
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=bool(redis_url), RATELIMIT_HEADERS_ENABLED=False,
    )  # fmt: skip
    limiter.init_app(app)


def refusal_of(exceeded: RateLimitExceeded) -> TooMany:
    """The refusal that a spent limit means: come back when its window is over."""
    return TooMany(retry_after=exceeded.limit.limit.get_expiry())
