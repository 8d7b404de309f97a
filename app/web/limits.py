"""Rate limits per client address: Flask-Limiter, counted in memory or in Redis."""

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
from app.current import settings
from app.web.client_info import ip_address_of

# One client usually has a whole IPv6 /64, so addresses of one /64 count together.
IPV6_PREFIX = 64

limiter = Limiter(key_func=lambda: address_group(), strategy="fixed-window")


@dataclass(frozen=True, slots=True)
class Limit:
    """The rate per client address in the setting `RATELIMIT_<name>`. Limits with the same `scope` share one count."""

    name: str
    scope: str | None = None

    def __call__(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """The view with this limit."""
        limited: Callable[..., Any] = self.as_context()(view)
        return limited

    def as_context(self) -> Any:
        """The limit as a context manager, for a credential that is accepted on any route."""
        if self.scope:
            return limiter.shared_limit(self._rate, scope=self.scope)
        return limiter.limit(self._rate)

    def _rate(self) -> str:
        return str(getattr(settings, f"ratelimit_{self.name}"))


# Shared by all routes that check a password or a code
CREDENTIAL_ATTEMPTS = Limit("credentials", scope="credential-attempts")


def address_group() -> str:
    """The client's IP address; for IPv6 its /64."""
    caller = ip_address_of() or "unknown"
    if ":" in caller:
        return str(ipaddress.ip_network(f"{caller}/{IPV6_PREFIX}", strict=False))
    return caller


def init_limits(app: Flask, *, enabled: bool, redis_url: str) -> None:
    """Count calls per address group. While Redis does not respond, each process counts for itself."""
    app.config.update(
        RATELIMIT_ENABLED=enabled,
        RATELIMIT_STORAGE_URI=STORAGE_URI,
        RATELIMIT_STORAGE_OPTIONS={"redis_url": redis_url},
        RATELIMIT_HEADERS_ENABLED=False,
    )
    # Flask-Limiter also looks for limits of the whole application before each request, and for its own headers and
    # state after it, a quarter of the time of a simple one. Each limit here is one of a view, which checks it, or a
    # context manager, so its hooks are left out.
    hooks = [hooks[None] for hooks in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)]
    counts = [len(functions) for functions in hooks]
    limiter.init_app(app)
    if enabled:
        for functions, count in zip(hooks, counts, strict=True):
            del functions[count:]
        app.after_request(_add_headers)


def to_error(_exceeded: RateLimitExceeded) -> RateLimited:
    """The service error for an exceeded limit, with the seconds until its window ends."""
    limit = limiter.current_limit
    return RateLimited(retry_after=_seconds_left(limit) if limit else 60)


def _add_headers(response: Response) -> Response:
    """Add RateLimit headers (draft-ietf-httpapi-ratelimit-headers)."""
    limit = limiter.current_limit
    if limit is None:
        return response
    quota, window = limit.limit.amount, limit.limit.get_expiry()
    response.headers["RateLimit-Policy"] = f'"address";q={quota};w={window}'
    response.headers["RateLimit"] = f'"address";r={limit.remaining};t={_seconds_left(limit)}'
    return response


def _seconds_left(limit: RequestLimit) -> int:
    return min(limit.limit.get_expiry(), max(1, round(limit.reset_at - time.time())))
