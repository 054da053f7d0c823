"""The cost of `medianest_models.telemetry`: the client's CPU time of a lookup with it, as a ratio to one without it.

All sides run in one process, in alternating turns of some calls, so that a busy machine affects them equally.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from statistics import median, quantiles
from time import process_time
from typing import Final

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

from benchmarks.server import own_server
from medianest_models import User, database
from medianest_models.migrate.applying import migrate
from medianest_models.repositories import users
from medianest_models.telemetry import instrument, uninstrument

_USERS: Final = 100
_CALLS: Final = 20
_UNTIMED: Final = 5  # before them, because the side before has left the caches with its own
_WARM_UP: Final = 10  # turns


Lookup = Callable[[str], Awaitable[object]]


class _Nowhere(SpanExporter):
    """Exports nothing: what sending costs depends on where to."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the SDK's signature
        return SpanExportResult.SUCCESS


@contextmanager
def _tracers(ratio: float) -> Iterator[TracerProvider]:
    """Provide a tracer provider that samples a part of the traces, with a batch processor."""
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(ratio))
    provider.add_span_processor(BatchSpanProcessor(_Nowhere()))
    yield provider
    provider.shutdown()


@contextmanager
def _off() -> Iterator[Lookup]:
    yield users.find_by_plex_id


@contextmanager
def _empty_spans() -> Iterator[Lookup]:
    """Make two spans around a lookup by hand, without attributes: the SDK's own part of the cost."""
    with _tracers(1) as provider:
        tracer = provider.get_tracer(__name__)

        async def look_up(plex_id: str) -> object:
            with tracer.start_as_current_span("call"), tracer.start_as_current_span("statement"):
                return await users.find_by_plex_id(plex_id)

        yield look_up


@contextmanager
def _instrumented(*, ratio: float | None = None, metrics: bool = False) -> Iterator[Lookup]:
    with ExitStack() as stack:
        meters = MeterProvider([InMemoryMetricReader()]) if metrics else None
        if meters is not None:
            stack.callback(meters.shutdown)
        tracers = None if ratio is None else stack.enter_context(_tracers(ratio))
        instrument(tracer_provider=tracers, meter_provider=meters)
        stack.callback(uninstrument)
        yield users.find_by_plex_id


SIDES: Final[dict[str, Callable[[], AbstractContextManager[Lookup]]]] = {
    "off": _off,
    "off again": _off,
    "on, without an SDK": _instrumented,
    "on, metrics": lambda: _instrumented(metrics=True),
    "on, traces, 1 in 10": lambda: _instrumented(ratio=0.1),
    "on, traces, all": lambda: _instrumented(ratio=1),
    "on, traces, all, and metrics": lambda: _instrumented(ratio=1, metrics=True),
    "two empty spans of the SDK": _empty_spans,
}
"""The first one is what the others are compared with."""


async def _turn(look_up: Lookup) -> float:
    """Return the microseconds of CPU of a lookup."""
    started = 0.0
    for number in range(-_UNTIMED, _CALLS):
        if number == 0:
            started = process_time()
        await look_up(f"plex-{number}")
    return 1e6 * (process_time() - started) / _CALLS


async def measure(turns: int) -> dict[str, list[float]]:
    """Measure each side once a turn, in another order each time."""
    measured: dict[str, list[float]] = {name: [] for name in SIDES}
    names = list(SIDES)
    for number in range(_WARM_UP + turns):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            with SIDES[name]() as look_up:
                cpu = await _turn(look_up)
            if number >= _WARM_UP:
                measured[name].append(cpu)
    return measured


async def main() -> int:
    """Run it, and print a line for each side."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.telemetry", description=__doc__)
    parser.add_argument("--turns", type=int, default=300, help=f"the number of turns of a side, of {_CALLS} calls each")
    turns = parser.parse_args().turns
    os.environ["LOG_LEVEL"] = "error"
    async with own_server("telemetry") as (server, _):
        url = await asyncio.to_thread(server.start)
        await migrate(url)
        async with database(url):
            await User.bulk_create([User(plex_id=f"plex-{n}", plex_username=f"user {n}") for n in range(_USERS)])
            measured = await measure(turns)
    base = next(iter(measured.values()))
    for name, cpu in measured.items():
        ratios = [mine / theirs for mine, theirs in zip(cpu, base, strict=True)]
        low, _, high = quantiles(ratios, n=4)
        print(f"{name:34} {median(cpu):6.0f} us  {median(ratios):5.2f} ({low:.2f} to {high:.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
