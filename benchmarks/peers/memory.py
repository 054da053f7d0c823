"""The growth of a worker's memory over time."""

from __future__ import annotations

import math
from typing import Final

from benchmarks.peers.data import NO_CHECKS, NO_HITS, positions, refill_queues
from benchmarks.peers.peers import Peer, PeerProcess
from benchmarks.server import connect
from medianest_models.settings import DatabaseUrl

STEPS: Final = 10
"""The number of measurements of the memory."""
WARM_UP: Final = 2
"""The number of measurements after which a worker is warm."""
_CALLS: Final = 10_000  # per turn: the worker keeps their times in memory


async def measure_memory(url: DatabaseUrl, *, operations: int, depth: int) -> list[float]:
    """Measure the megabytes of a worker after each tenth of its operations.

    Args:
        url: The database.
        operations: The number of operations of all kinds, ten of them concurrent.
        depth: The depth of the pages after a cursor.
    """
    step = operations // STEPS
    connection = await connect(url)
    process = await PeerProcess.start(Peer("medianest", "uvloop"))
    megabytes = []
    try:
        await process.open(url, checks=10, positions=await positions(connection, [depth]))
        for number in range(STEPS):
            await connection.execute(f"{refill_queues(step // 10)}; {NO_HITS}; {NO_CHECKS}")
            for first in range(number * step, (number + 1) * step, _CALLS):
                await process.run(
                    "mixed", depth=depth, first=first, seconds=math.inf, most=min(_CALLS, step), at_once=10
                )
            megabytes.append(await process.memory() / 1024)
    finally:
        await process.stop()
        await connection.close()
    return megabytes
