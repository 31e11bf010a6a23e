"""Traces by OpenTelemetry, when its standard variables name a collector; otherwise its SDK is not even imported.

OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT switches them on; the SDK reads its other variables
(OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, headers, time-outs) itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_CLOSING_SECONDS = 5.0

_provider: TracerProvider | None = None
_tracer: Tracer | None = None


def install() -> Tracer | None:
    """Start to trace in this process; None when no collector is named. What fails to be exported is a warning."""
    global _provider, _tracer  # noqa: PLW0603  (one a process, as in OpenTelemetry itself)
    if _tracer is None and any(os.environ.get(name) for name in _ENDPOINTS):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        resource = Resource.create({SERVICE_NAME: "adl"}).merge(OTELResourceDetector().detect())
        _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        _tracer = _provider.get_tracer("adl")
    return _tracer


def close() -> None:
    """Export what is left, within some seconds, and stop. Blocks."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        # It exports first, and waits half a minute for a collector that does not answer; the process need not.
        closing = Thread(target=provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSING_SECONDS)


@contextmanager
def span(name: str) -> Iterator[None]:
    """A part of the request that is being answered; does nothing when traces are off."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False):
        yield


@contextmanager
def request_span(method: str, headers: Mapping[str, str]) -> Iterator[Span | None]:
    """The span of a request, a child of the caller's if `traceparent` names one; None when traces are off."""
    if _tracer is None:
        yield None
        return
    from opentelemetry.trace import SpanKind  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    parent = TraceContextTextMapPropagator().extract(headers)
    with _tracer.start_as_current_span(
        method,
        context=parent,
        kind=SpanKind.SERVER,
        attributes={"http.request.method": method},
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        yield current


def describe(span: Span | None, method: str, route: str, status: int, request_id: str) -> None:
    """What is known of a request when it has ended; `span` is of `request_span`."""
    if span is None:
        return
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("adl.request_id", request_id)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
