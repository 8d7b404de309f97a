"""How often one address may call a route: Flask-Limiter, counted in memory or in Redis."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response
from flask_limiter import Limiter, RequestLimit
from flask_limiter.errors import RateLimitExceeded

from app.core.counting import STORAGE_URI
from app.core.errors import RateLimited
from app.web.client_info import ip_address_of

# Which group of addresses counts as one caller: a household or a host usually has a whole /64 of IPv6.
IPV6_PREFIX = 64

limiter = Limiter(key_func=lambda: address_group(), strategy="fixed-window")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls from one address; all limits that are `shared_as` the same word count together."""

    rate: str
    scope: str | None = None

    def __call__(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """The view under this limit."""
        limited: Callable[..., Any] = self.spent()(view)
        return limited

    def spent(self) -> Any:
        """The limit as a context, for a credential that any route may carry."""
        if self.scope:
            return limiter.shared_limit(self.rate, scope=self.scope)
        return limiter.limit(self.rate)

    def __str__(self) -> str:
        return f"{self.rate}, shared" if self.scope else self.rate


CREDENTIAL_ATTEMPTS = Limit("20 per minute", scope="guesses")  # every path that looks at a password or a code


def address_group() -> str:
    """The caller's address, for IPv6 its /64."""
    caller = ip_address_of() or "nowhere"
    if ":" in caller:
        return str(ipaddress.ip_network(f"{caller}/{IPV6_PREFIX}", strict=False))
    return caller


def init_limits(app: Flask, *, enabled: bool, redis_url: str) -> None:
    """Count calls per address group; with Redis gone or silent each process counts for itself and goes on."""
    app.config.update(
        RATELIMIT_ENABLED=enabled,
        RATELIMIT_STORAGE_URI=STORAGE_URI,
        RATELIMIT_STORAGE_OPTIONS={"redis_url": redis_url},
        RATELIMIT_HEADERS_ENABLED=False,
    )
    limiter.init_app(app)
    app.after_request(_add_headers)


def to_error(_exceeded: RateLimitExceeded) -> RateLimited:
    """The error that a spent limit means: come back when its window is over."""
    spent = limiter.current_limit
    return RateLimited(retry_after=_seconds_left(spent) if spent else 60)


def _add_headers(response: Response) -> Response:
    """Say how many calls are left, and for how long, as draft-ietf-httpapi-ratelimit-headers has it."""
    limit = limiter.current_limit
    if limit is None:
        return response
    quota, window = limit.limit.amount, limit.limit.get_expiry()
    response.headers["RateLimit-Policy"] = f'"address";q={quota};w={window}'
    response.headers["RateLimit"] = f'"address";r={limit.remaining};t={_seconds_left(limit)}'
    return response


def _seconds_left(limit: RequestLimit) -> int:
    return min(limit.limit.get_expiry(), max(1, round(limit.reset_at - time.time())))
