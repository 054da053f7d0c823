"""Growing and rolling up a history: ten years out of one, and a portal that records checks meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import perf_counter
from typing import Final

import asyncpg

from medianest_models.db.statements import execute
from medianest_models.enums import ServiceStatus
from medianest_models.repositories import services
from medianest_models.repositories.services import Check, rollups
from medianest_models.repositories.services.windows import WIDTHS

_HOUR: Final = timedelta(hours=1)
_UNIT_HOURS: Final = 192
_UNIT: Final = _UNIT_HOURS * _HOUR
"""The width of the widest roll-ups that are copied, because they stay aligned; the wider ones are summed."""
_EVERY: Final = 0.05
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_COPY: Final = """
INSERT INTO service_rollups (service_id, hours, begins_at, up, degraded, down, checks, response_times)
SELECT service_id, hours, begins_at - number * $3::int * interval '1 hour', up, degraded, down, checks, response_times
FROM service_rollups CROSS JOIN generate_series(1, $4::int) AS number
WHERE hours <= $5 AND begins_at >= $1 AND begins_at < $2
"""
_COPY_STATES: Final = """
INSERT INTO service_states (service_id, begins_at, ends_at, status, error_message)
SELECT service_id, begins_at - earlier, ends_at - earlier, status, error_message
FROM service_states CROSS JOIN generate_series(1, $4::int) AS number
CROSS JOIN LATERAL (SELECT number * $3::int * interval '1 hour' AS earlier) AS shift
WHERE begins_at >= $1 AND begins_at < $2
"""


def aligned(instant: datetime) -> datetime:
    """Return the beginning of the unit in which an instant lies."""
    return instant - (instant - _EPOCH) % _UNIT


async def copy_back(connection: asyncpg.Connection, since: datetime, until: datetime, *, days: int) -> int:
    """Copy the roll-ups of a history back again and again, and sum up the wide ones; return the number of copies.

    Args:
        connection: A connection.
        since: Its beginning, which is that of a unit.
        until: Its end.
        days: The least length of the longer history.
    """
    end = aligned(until)
    period = end - since
    copies = -(-timedelta(days=days) // period)
    await connection.execute(_COPY, since, end, period // _HOUR, copies, _UNIT_HOURS)
    await connection.execute(_COPY_STATES, since, end, period // _HOUR, copies)
    wide = WIDTHS[WIDTHS.index(_UNIT_HOURS) :]
    for service in await connection.fetch("SELECT id FROM services"):
        for narrower, width in pairwise(wide):
            first = since - copies * period
            await execute(rollups._WIDEN, service["id"], width, narrower, first, until)  # noqa: SLF001
    return copies


@asynccontextmanager
async def recording(names: Sequence[str]) -> AsyncIterator[list[float]]:
    """Record a check of each service twenty times a second, as one call; provide the seconds that each call took."""
    latencies: list[float] = []
    recorded = asyncio.Event()

    async def record() -> None:
        while True:
            begun = perf_counter()
            await services.record_checks([Check(name, ServiceStatus.UP, 20) for name in names])
            latencies.append(perf_counter() - begun)
            recorded.set()
            await asyncio.sleep(max(0, begun + _EVERY - perf_counter()))

    async with asyncio.TaskGroup() as group:
        task = group.create_task(record())
        yield latencies
        await recorded.wait()
        task.cancel()


async def roll_up_all() -> int:
    """Roll up all finished hours, and return how many.

    A service whose checks are being recorded at the moment is passed over, so it is tried again.
    """
    hours = 0
    while await services.hours_to_roll_up():
        hours += await services.roll_up()
    return hours


def spread(latencies: Sequence[float]) -> dict[str, float]:
    """Return the median, the 99th percentile and the maximum, in milliseconds."""
    ordered = sorted(latencies)
    return {
        "p50": 1000 * ordered[len(ordered) // 2], "p99": 1000 * ordered[len(ordered) * 99 // 100],
        "most": 1000 * ordered[-1],
    }  # fmt: skip
