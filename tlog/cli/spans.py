"""OpenTelemetry's tracer behind ours: spans go to a collector in batches.

How many of them go is said by OpenTelemetry's own variables (`OTEL_TRACES_SAMPLER`),
which its library reads.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as OtherSpan
from opentelemetry.trace import Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tlog.log_lines import log_event
from tlog.tracing import Attributes, telling

_TIMEOUT_S = 5
_MAX_TOLD_CHARS = 200


@contextmanager
def sending(role: str, url: str) -> Iterator[None]:
    """Send spans to a collector within the block, and what is left at its end."""
    named = {"service.name": f"tlog-{role}", "service.version": version("tlog-server")}
    provider = TracerProvider(resource=Resource.create(named))
    exporter = OTLPSpanExporter(endpoint=url, timeout=_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    library = logging.getLogger("opentelemetry")
    handler = _Told()
    library.addHandler(handler)
    propagates, library.propagate = library.propagate, False
    try:
        with telling(_Tracer(provider)):
            yield
    finally:
        provider.shutdown()
        library.removeHandler(handler)
        library.propagate = propagates


class _Tracer:
    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("tlog")
        self._context = TraceContextTextMapPropagator()

    def begin(self, name: str, attributes: Attributes, parent: str) -> "_Span":
        above = self._context.extract({"traceparent": parent}) if parent else None
        span = self._tracer.start_span(name, above, attributes=attributes)
        return _Span(span)


class _Span:
    def __init__(self, span: OtherSpan) -> None:
        self._span = span

    def end(self, attributes: Attributes, error: str = "") -> None:
        """Say how it ended."""
        self._span.set_attributes(attributes)
        if error:
            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end()


class _Told(logging.Handler):
    """Makes the library's own complaints log lines of ours."""

    def emit(  # type: ignore[explicit-override]  # typing: from 3.12
        self, record: logging.LogRecord
    ) -> None:
        """Tell one."""
        told = record.getMessage()[:_MAX_TOLD_CHARS]
        log_event("spans not sent", level="warning", error=told)
