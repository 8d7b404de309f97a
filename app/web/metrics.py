"""`/metrics` for Prometheus. No label holds client input: routes are patterns, methods and events come from lists.

If PROMETHEUS_MULTIPROC_DIR is set, as run.py does for its workers, each worker counts in files there, and every worker
responds with the sum of all.
"""

import hmac
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app.core.errors import Unauthenticated
from app.current import auth
from app.web.request_logging import method, route, seconds

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
# Seconds. A simple response takes a millisecond, a password hash a quarter of a second, and timeouts end at ten.
BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def init_metrics(app: Flask, *, token: str) -> None:
    """Count the requests of `app` and serve `/metrics`, with a Bearer token if `token` is not empty."""
    meters = Metrics()
    app.after_request(meters.observe)

    @app.get("/metrics", endpoint="metrics")
    def metrics() -> Response:
        given = request.headers.get("Authorization", "").partition(" ")[2]
        if token and not hmac.compare_digest(given.encode(), token.encode()):
            raise Unauthenticated("Authentication required. Send METRICS_TOKEN as a Bearer token.")
        return Response(meters.exposition(), content_type=CONTENT_TYPE_LATEST)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
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
        self._events = Counter(
            "latchkey_audit_events", "Events written to the audit log", ("event",), registry=registry
        )
        self._refused = Counter(
            "latchkey_hash_slots_refused", "Password hashes rejected: no free slot", registry=registry
        )
        self._slots = Gauge(
            "latchkey_hash_slots",
            "Passwords being hashed or waiting",
            ("state",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._copied: dict[str, int] = {}
        self._known: object = None
        self._copying = threading.Lock()

    def observe(self, response: Response) -> Response:
        """Count a request; returns the response unchanged."""
        self._requests.labels(method(), route(), str(response.status_code)).inc()
        self._seconds.labels(route()).observe(seconds())
        if response.status_code == 429:
            self._limited.labels(route()).inc()
        with self._copying:  # so that the last value read is the last one written
            self._copy()
        return response

    def exposition(self) -> bytes:
        """All metrics of all processes and of the database, in the text format of Prometheus."""
        shared = CollectorRegistry()
        shared.register(FromDatabase())
        return generate_latest(_of_all_processes() or self._registry) + generate_latest(shared)

    def _copy(self) -> None:
        figures = auth.stats.process()
        if figures == self._known:
            return
        self._known = figures
        self._slots.labels("in_use").set(figures.hash_slots.in_use)
        self._slots.labels("waiting").set(figures.hash_slots.waiting)
        self._refused.inc(self._new("", figures.hash_slots.rejected))
        for tag, count in figures.audit_events.items():
            self._events.labels(tag).inc(self._new(tag, count))

    def _new(self, name: str, count: int) -> int:
        known, self._copied[name] = self._copied.get(name, 0), count
        return count - known


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
