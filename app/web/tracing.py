"""Traces: one span per request, named after its route. Imported by run.py only if tracing is on.

Like the log, spans contain no path, query or header. A parent span is accepted from trusted proxies only.
"""

from flask import Flask, Response, g, request
from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.web.client_info import is_from_trusted_proxy
from app.web.request_logging import method, route


def provider_for(endpoint: str) -> TracerProvider:
    """A provider that sends spans to the collector at `endpoint` in the background. OTEL_SERVICE_NAME etc. apply."""
    provider = TracerProvider(resource=Resource.create({"service.name": "latchkey"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    return provider


def init_tracing(app: Flask, provider: TracerProvider) -> None:
    """Create a span for every request of `app`; spans created during the request become its children."""
    tracer = provider.get_tracer("latchkey")

    @app.before_request
    def start_span() -> None:
        parent = propagate.extract(request.headers) if is_from_trusted_proxy() else context.Context()
        g.span = tracer.start_span(f"{method(request)} {route(request)}", parent, trace.SpanKind.SERVER)
        g.span_context = context.attach(trace.set_span_in_context(g.span))

    @app.after_request
    def set_attributes(response: Response) -> Response:
        if "span" in g:
            facts = {
                "http.request.method": method(request),
                "http.route": route(request),
                "latchkey.request_id": g.request_id,
            }
            g.span.set_attributes(facts | {"http.response.status_code": response.status_code})
            if response.status_code >= 500:
                g.span.set_status(trace.StatusCode.ERROR)
        return response

    @app.teardown_request
    def end_span(_error: BaseException | None) -> None:
        if "span" in g:
            context.detach(g.pop("span_context"))
            g.pop("span").end()
