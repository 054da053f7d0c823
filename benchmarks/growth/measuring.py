"""Measuring operations in databases of several sizes, which take turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Any, Final, NamedTuple

import asyncpg

from benchmarks.growth.data import Size
from benchmarks.growth.operations import OF_PORTAL, OF_QUEUE, Operation, Portal
from benchmarks.server import ServerProcesses
from medianest_models.db import database
from medianest_models.db.statements import fetch
from medianest_models.settings import DatabaseUrl

FLAT: Final = 1.3
"""The most that a cost may grow by, from the fewest rows to the most, to count as flat."""
_WARM_UP: Final = 10
"""More calls than PostgreSQL plans a statement anew for."""
_SLOW_CALLS: Final = 10
_SLOW_WARM_UP: Final = 3
_PAGES: Final = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = $1"


class Cost(NamedTuple):
    """The cost of a call: the CPU time of client and server in microseconds, and the pages that the server read."""

    client: float
    server: float
    pages: float


@dataclass(frozen=True)
class Growth:
    """The cost of an operation in each round, by the number of rows, fewest first."""

    table: str
    title: str
    rounds: dict[int, list[Cost]]

    def costs(self, part: str) -> list[float]:
        """Return the medians of the rounds, for the fewest rows first."""
        return [median(getattr(cost, part) for cost in costs) for costs in self.rounds.values()]

    def ratio(self, part: str) -> float:
        """Return the cost for the most rows, divided by that for the fewest: the median of the rounds' ratios."""
        few, *_, many = ([float(getattr(cost, part)) for cost in costs] for costs in self.rounds.values())
        return median(last / max(first, 1e-9) for first, last in zip(few, many, strict=True))

    def kept(self) -> dict[str, Any]:
        """Convert it for JSON."""
        return {
            "table": self.table, "title": self.title, "rows": list(self.rounds),
            **{part: self.costs(part) for part in Cost._fields},
            "ratios": {part: self.ratio(part) for part in Cost._fields},
        }  # fmt: skip


async def measure(
    urls: Mapping[Size, DatabaseUrl], connection: asyncpg.Connection[Any], *, rounds: int, calls: int
) -> list[Growth]:
    """Measure all operations; in each round, every database has one turn, and each round begins with another one.

    Args:
        urls: The databases, those with the fewest rows first; each with a pool of one connection.
        connection: A connection to another database of the server.
        rounds: The number of rounds.
        calls: The most calls of an operation in a turn, after those to warm up.
    """
    meter = _Meter(connection, calls)
    order = list(urls)
    measured = {
        operation.name: Growth(operation.table, operation.title, {size.rows: [] for size in urls})
        for operations in (OF_PORTAL, OF_QUEUE)
        for operation in operations
    }
    for number in range(rounds):
        start = number % len(order)
        for size in order[start:] + order[:start]:
            async with database(urls[size]):
                portal = Portal(size)
                for operation in OF_QUEUE if size.is_queue else OF_PORTAL:
                    cost = await meter.measure(operation, portal, number)
                    measured[operation.name].rounds[size.rows].append(cost)
                while portal.claimed:
                    await portal.complete()
    return list(measured.values())


class _Meter:
    """The measurement of an operation.

    Args:
        connection: A connection to another database of the server.
        calls: The most calls.
    """

    def __init__(self, connection: asyncpg.Connection[Any], calls: int) -> None:
        self._connection = connection
        self._calls = calls
        self._processes = ServerProcesses(connection.get_server_pid())

    async def measure(self, operation: Operation, portal: Portal, number: int) -> Cost:
        """Measure it in a round of this number, after a few calls to warm up."""
        warm_up, calls = _WARM_UP, self._calls
        if operation.is_slow:
            warm_up, calls = _SLOW_WARM_UP, min(_SLOW_CALLS, calls)
        first = number * (warm_up + calls)
        begin, end = first + warm_up, first + warm_up + calls
        if operation.before is not None:
            for call in range(first, end):
                await operation.before(portal, call)
        for call in range(first, begin):
            await operation.call(portal, call)
        pages = await self._pages(portal)
        server, client = self._processes.cpu_seconds(), process_time()
        for call in range(begin, end):
            await operation.call(portal, call)
        client, server = process_time() - client, self._processes.cpu_seconds() - server
        pages = await self._pages(portal) - pages
        return Cost(1e6 * client / calls, 1e6 * server / calls, pages / calls)

    async def _pages(self, portal: Portal) -> int:
        """Return how many pages the sessions of a database have read, from the cache or not.

        A session reports them at the end of a transaction, but once a second at most; the one of the pool is told to
        report now.
        """
        await fetch("SELECT pg_stat_force_next_flush()")
        pages: int = await self._connection.fetchval(_PAGES, portal.size.name)
        return pages
