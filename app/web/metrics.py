"""`/metrics` for Prometheus. No label holds client input: routes are patterns, methods and events come from lists.

If PROMETHEUS_MULTIPROC_DIR is set, as run.py does for its workers, each worker counts in files there, and every worker
responds with the sum of all.
"""

import hmac
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, request
from flask.globals import request_ctx
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app.core.errors import Unauthenticated
from app.current import auth, auth_of
from app.web.request_logging import method, route, seconds

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
# Seconds. A simple response takes a millisecond, a password hash a quarter of a second, and timeouts end at ten.
BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def init_metrics(app: Flask, *, token: str) -> None:
    """Count the requests of `app` and serve `/metrics`, with a Bearer token if `token` is not empty."""
    stats = auth_of(app).stats
    process = Metrics(stats.registry, stats.hash_slots)
    app.after_request(process.observe)

    @app.get("/metrics", endpoint="metrics")
    def metrics() -> Response:
        given = request.headers.get("Authorization", "").partition(" ")[2]
        if token and not hmac.compare_digest(given.encode(), token.encode()):
            raise Unauthenticated("Authentication required. Send METRICS_TOKEN as a Bearer token.")
        return Response(process.exposition(), content_type=CONTENT_TYPE_LATEST)


class Metrics:
    """The metrics of requests and hash slots of one process, added to `registry`."""

    def __init__(self, registry: CollectorRegistry, hash_slots: Callable[[], Any]) -> None:
        self._registry, self._hash_slots = registry, hash_slots
        self._requests = Counter(
            "latchkey_requests",
            "Requests by method, route and status",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "latchkey_request_seconds", "Time until the response", ("route",), buckets=BUCKETS, registry=registry
        )
        self._limited = Counter(
            "latchkey_limits_hit", "Requests rejected by a rate limit", ("route",), registry=registry
        )
        slots = Gauge(
            "latchkey_hash_slots",
            "Passwords being hashed or waiting",
            ("state",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._in_use, self._waiting = slots.labels("in_use"), slots.labels("waiting")
        self._lock, self._slots = threading.Lock(), hash_slots()
        self._children = lru_cache(maxsize=1024)(self._find_children)

    def observe(self, response: Response) -> Response:
        """Count a request; returns the response unchanged."""
        current = request_ctx.request
        pattern, name = route(current), method(current)
        requests, durations = self._children(name, pattern, response.status_code)
        requests.inc()
        durations.observe(seconds())
        if response.status_code == 429:
            self._limited.labels(pattern).inc()
        with self._lock:  # so that the last value read is the last one written
            slots = self._hash_slots()
            if slots != self._slots:
                self._in_use.set(slots.in_use)
                self._waiting.set(slots.waiting)
                self._slots = slots
        return response

    def _find_children(self, name: str, pattern: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(name, pattern, str(status)), self._seconds.labels(pattern)

    def exposition(self) -> bytes:
        """All metrics of all processes and of the database, in the text format of Prometheus."""
        shared = CollectorRegistry()
        shared.register(FromDatabase())
        return generate_latest(_of_all_processes() or self._registry) + generate_latest(shared)


class FromDatabase(Collector):
    """Metrics read from the database. While it is down there is only `latchkey_database_up`."""

    def collect(self) -> Iterator[Metric]:
        """The current values."""
        found = auth.stats.database()
        yield GaugeMetricFamily("latchkey_database_up", "Whether the database responds", value=float(found is not None))
        if found is None:
            return
        messages = GaugeMetricFamily(
            "latchkey_outbox_messages", "Messages that are not sent, by state", labels=("state",)
        )
        for state, count in (("queued", found.outbox.queued), ("due", found.outbox.due), ("dead", found.outbox.dead)):
            messages.add_metric((state,), count)
        yield messages
        age = found.outbox.oldest_due.total_seconds()
        yield GaugeMetricFamily(
            "latchkey_outbox_oldest_due_seconds", "How long the oldest message has been due", value=age
        )
        yield GaugeMetricFamily(
            "latchkey_mail_failing", "Whether the mail server rejects this service", value=float(found.mail_failing)
        )
        yield GaugeMetricFamily(
            "latchkey_sessions_live", "Sessions that are neither revoked nor expired", value=found.sessions
        )


def _of_all_processes() -> CollectorRegistry | None:
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    for file in Path(folder).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not _lives(pid):  # the gauges of a dead worker must not count
            with suppress(FileNotFoundError):
                mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return registry


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
