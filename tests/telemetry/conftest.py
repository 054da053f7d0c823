"""Spans and metrics in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from medianest_models.telemetry import instrument, uninstrument
from tests.locks import until


class Telemetry:
    """The spans and metrics of this process, since it began or was cleared."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    def clear(self) -> None:
        """Forget the spans so far."""
        self.exporter.clear()

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, in the order in which they began."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def span(self, name: str) -> ReadableSpan:
        """Return the only span with this name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    async def until_ended(self, name: str) -> None:
        """Wait until a span with this name has ended."""

        async def has_ended() -> bool:
            return any(span.name == name for span in self.spans)

        await until(has_ended)

    def metrics(self) -> dict[str, list[Any]]:
        """Collect the metrics, and return the data points of each by its name."""
        data = self.reader.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> list[Any]:
        """Return the data points of one metric; none if it has none."""
        return self.metrics().get(name, [])

    def tree(self) -> list[tuple[str, str | None]]:
        """Return the name of each span, and that of its parent."""
        names = {span.context.span_id: span.name for span in self.spans if span.context}
        return [(span.name, names[span.parent.span_id] if span.parent else None) for span in self.spans]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Instrument this process for the test."""
    telemetry = Telemetry()
    instrument(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    yield telemetry
    uninstrument()
    telemetry.meters.shutdown()
    telemetry.tracers.shutdown()
