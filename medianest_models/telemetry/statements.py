"""A span of kind CLIENT and a duration for each statement."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from types import TracebackType
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.metrics import Meter
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from medianest_models.db.observers import answered_calls
from medianest_models.db.statements import StatementClient
from medianest_models.telemetry.servers import BUCKETS, Statement, failure, server_of

_FAILED: Final = Status(StatusCode.ERROR)


class StatementObserver:
    """The observer of statements (`medianest_models.db.observers`): it begins a span and a measurement of each."""

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self.tracer = tracer
        self.durations = meter.create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )

    def __call__(self, client: StatementClient, sql: str, parameters: Sequence[Any]) -> _Run:  # noqa: ARG002 - they are not shown
        """Return the context manager of one run."""
        return _Run(self, server_of(client).statement(sql))


class _Run:
    """One run of a statement, as a context manager: written out for speed."""

    __slots__ = ("_observer", "_span", "_started", "_statement")

    _span: Span

    def __init__(self, observer: StatementObserver, statement: Statement) -> None:
        self._observer = observer
        self._statement = statement

    def __enter__(self) -> None:
        self._started = perf_counter()
        calls = answered_calls.get()
        if calls:
            self._span = self._start_for([call.run(get_current_span) for call in calls])
        else:
            self._span = self._start() if _may_have_children(get_current_span()) else INVALID_SPAN

    def _start(self, parent: Context | None = None, links: Sequence[Link] = ()) -> Span:
        summary, attributes, _ = self._statement
        return self._observer.tracer.start_span(summary, parent, SpanKind.CLIENT, attributes, links)

    def _start_for(self, callers: Sequence[Span]) -> Span:
        """Start the span of a batch, as a child of its first call, with links to the others."""
        sampled = [caller for caller in callers if _may_have_children(caller)]
        if not sampled:
            return INVALID_SPAN
        first, *others = sampled
        span = self._start(set_span_in_context(first), [Link(other.get_span_context()) for other in others])
        for other in others:  # whoever looks at its trace finds the statement, too
            if other.is_recording():
                other.add_link(span.get_span_context())
        return span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds, attributes = perf_counter() - self._started, self._statement.of_duration
        if error is not None:
            failed = failure(error)
            attributes = attributes | failed
            self._span.set_attributes(failed)
            self._span.set_status(_FAILED)
        self._span.end()
        self._observer.durations.record(seconds, attributes)


def _may_have_children(span: Span) -> bool:
    """Tell whether it is none, or one that is sampled, as the SDK's sampler would find out at a higher price."""
    return span is INVALID_SPAN or span.is_recording() or span.get_span_context().trace_flags.sampled
