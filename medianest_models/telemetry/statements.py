"""A span of kind CLIENT and a duration for each statement."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from types import TracebackType
from typing import Any, Final

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
    """What `medianest_models.db.observers` calls for each statement."""

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
        callers = [call.run(get_current_span) for call in calls] if calls else [get_current_span()]
        sampled = [caller for caller in callers if _may_have_children(caller)]
        if not sampled:
            self._span = INVALID_SPAN
            return
        summary, attributes, _ = self._statement
        parent, *others = sampled
        self._span = self._observer.tracer.start_span(
            summary,
            set_span_in_context(parent) if calls else None,
            SpanKind.CLIENT,
            attributes,
            [Link(other.get_span_context()) for other in others],
            record_exception=False,
            set_status_on_exception=False,
        )
        for other in others:  # whoever looks at its trace finds the statement, too
            if other.is_recording():
                other.add_link(self._span.get_span_context())

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
