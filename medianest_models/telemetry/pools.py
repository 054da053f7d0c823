"""The connections of this process's pools, and the calls that wait for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from medianest_models.db.client import Client
from medianest_models.db.connection import connected_client
from medianest_models.db.observers import wait_observers
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.telemetry.servers import BUCKETS, server_of

_STATE: Final = "db.client.connection.state"

_is_on = False  # the instruments of a provider live as long as it does, and with them what they call


def observe_pools(meter: Meter, undo: ExitStack) -> None:
    """Report the pools of the primary and of the standbys, until `undo`."""
    _switch(on=True)
    undo.callback(_switch, on=False)
    times = meter.create_histogram(
        "db.client.connection.wait_time",
        unit="s",
        description="The time it took to obtain an open connection from the pool.",
        explicit_bucket_boundaries_advisory=BUCKETS,
    )

    def record_wait(pool: Client, seconds: float) -> None:
        times.record(seconds, server_of(pool).pool)

    wait_observers.append(record_wait)
    undo.callback(wait_observers.remove, record_wait)
    for name, unit, description, report in (
        ("count", "{connection}", "The number of connections that are currently in a state.", _report_count),
        ("max", "{connection}", "The maximum number of open connections allowed.", _report_max),
        ("pending_requests", "{request}", "The number of current pending requests for a connection.", _report_pending),
    ):
        meter.create_observable_up_down_counter(f"db.client.connection.{name}", [report], unit, description)


def _switch(*, on: bool) -> None:
    global _is_on  # noqa: PLW0603 - see above
    _is_on = on


def _pools() -> list[Client]:
    if not _is_on:
        return []
    try:
        primary = connected_client()
    except DatabaseUnavailableError:
        return []
    return [primary, *primary.attached]


def _report_count(_: CallbackOptions) -> Iterator[Observation]:
    for client in _pools():
        size, idle = (client.pool.get_size(), client.idle) if client.pool else (0, 0)
        for state, number in (("idle", idle), ("used", size - idle)):
            yield Observation(number, server_of(client).pool | {_STATE: state})


def _report_max(_: CallbackOptions) -> Iterator[Observation]:
    for client in _pools():
        yield Observation(client.pool_maxsize, server_of(client).pool)


def _report_pending(_: CallbackOptions) -> Iterator[Observation]:
    for client in _pools():
        yield Observation(client.waiting, server_of(client).pool)
