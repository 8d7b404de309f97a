"""Traces, for those who collect them."""

import subprocess
import sys
from ipaddress import ip_network

import pytest

from app.core.database import db
from config import ROOT
from tests.support.api import forgot_password

pytest.importorskip("opentelemetry.sdk", reason="no OpenTelemetry: pip install -r deploy/requirements-otel.txt")

PARENT = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
PROXY = {"environ_base": {"REMOTE_ADDR": "10.0.0.1"}}

pytestmark = pytest.mark.own_app


@pytest.fixture
def spans(app):
    """What was traced so far; kept in memory instead of being sent."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from app.core.tracing import trace_statements
    from app.web.tracing import init_tracing

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    init_tracing(app, provider)
    with app.app_context():
        trace_statements(db.engines.values(), provider)
    return exporter.get_finished_spans


def test_a_request_is_a_span_and_its_statements_are_children(client, spans):
    forgot_password(client)
    *statements, request = spans()
    assert request.name == "POST /api/v1/forgot-password"
    assert request.attributes["http.response.status_code"] == 200
    inserts = [each for each in statements if each.name.startswith("INSERT")]
    assert [each.parent.span_id for each in inserts] == [request.context.span_id]


def test_no_span_holds_a_value_or_a_query(client, spans):
    client.post("/api/v1/forgot-password?token=eyJhbGciOi", json={"email": "ann@example.com"})
    client.get("/nowhere/ann@example.com")
    said = " ".join(span.to_json() for span in spans())
    assert "ann@example.com" not in said
    assert "eyJ" not in said


def test_a_span_carries_the_name_of_its_request(client, spans):
    answer = client.get("/healthz")
    assert spans()[-1].attributes["latchkey.request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.settings(trusted_proxies=[ip_network("10.0.0.0/8")])
def test_a_parent_is_believed_from_our_proxy_alone(client, spans):
    client.get("/healthz", headers=PARENT)
    client.get("/healthz", headers=PARENT, **PROXY)
    stranger, proxy = spans()
    assert stranger.parent is None
    assert f"{proxy.parent.span_id:016x}" == "b7ad6b7169203331"


def test_tracing_costs_nothing_when_off():
    program = "import sys, run; run.create_app; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0
