"""A trace span for each SQL statement, without its values. Imported by run.py only if traces are enabled.

opentelemetry-instrumentation-sqlalchemy would do the same, but refuses SQLAlchemy 2.1.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from opentelemetry import trace
from sqlalchemy import event


def trace_statements(engines: Iterable[sa.Engine], provider: trace.TracerProvider) -> None:
    """Add a child of the current span for every statement that one of `engines` runs."""
    tracer = provider.get_tracer("latchkey.database")

    def begin(_connection: Any, _cursor: Any, statement: str, _values: Any, execution: Any, _many: bool) -> None:
        system = execution.dialect.name
        facts = {"db.system.name": system, "db.query.text": statement}
        execution.span = tracer.start_span(statement.split(None, 1)[0], kind=trace.SpanKind.CLIENT, attributes=facts)

    def end(_connection: Any, _cursor: Any, _statement: str, _values: Any, execution: Any, _many: bool) -> None:
        execution.span.end()

    def fail(failure: Any) -> None:
        span = getattr(failure.execution_context, "span", None)
        if span is not None:
            span.set_status(trace.StatusCode.ERROR, type(failure.original_exception).__name__)
            span.end()

    for engine in engines:
        event.listen(engine, "before_cursor_execute", begin)
        event.listen(engine, "after_cursor_execute", end)
        event.listen(engine, "handle_error", fail)
