"""Switching the traces and the metrics of this process on and off."""

from __future__ import annotations

from contextlib import ExitStack

from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import TracerProvider, get_tracer

from medianest_models._version import __version__
from medianest_models.db.observers import observers
from medianest_models.telemetry.calls import trace_calls
from medianest_models.telemetry.pools import observe_pools
from medianest_models.telemetry.statements import StatementObserver

_undo: ExitStack | None = None


def instrument(*, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None) -> None:
    """Make spans of repository calls and statements from now on, and metrics of statements and pools.

    Call it once a process, before anything imports an operation by its name (`from ...downloads import claim`): such a
    name would lead past it. A second call changes nothing. A forked child is instrumented like its parent.

    Args:
        tracer_provider: Where to send the spans; None for the global one, which may be set later.
        meter_provider: The same for the metrics.
    """
    global _undo  # noqa: PLW0603 - it is the process that is instrumented
    if _undo is not None:
        return
    tracer = get_tracer("medianest_models", __version__, tracer_provider)
    meter = get_meter("medianest_models", __version__, meter_provider)
    with ExitStack() as undo:
        trace_calls(tracer, undo)
        observe_pools(meter, undo)
        observer = StatementObserver(tracer, meter)
        observers.append(observer)
        undo.callback(observers.remove, observer)
        _undo = undo.pop_all()


def uninstrument() -> None:
    """Undo `instrument`; a no-op without it."""
    global _undo  # noqa: PLW0603 - as above
    if _undo is not None:
        _undo.close()
        _undo = None
