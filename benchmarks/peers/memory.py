"""Whether a worker holds more memory the longer it works."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from benchmarks.peers.data import NO_CHECKS, NO_HITS, connect, positions, refill_queues
from benchmarks.peers.peers import Peer, PeerProcess

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl

STEPS: Final = 10
"""How many times the memory is looked at."""
WARM_UP: Final = 2
"""After so many of them a worker has all that it needs."""
_CALLS: Final = 10_000  # whose times a worker holds at once


async def measure_memory(url: DatabaseUrl, *, operations: int, depth: int) -> list[float]:
    """Megabytes that a worker holds after each tenth of its operations.

    Args:
        url: The database.
        operations: How many operations, of all kinds, ten at once.
        depth: How deep the pages after a cursor lie.
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
