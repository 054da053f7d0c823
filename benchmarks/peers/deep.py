"""The time of a page at the end of a very long list, compared with one near its beginning."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

from benchmarks.peers.clients.inputs import LIMIT
from benchmarks.peers.data import lay, media_requests, positions
from benchmarks.peers.operations import Operation
from benchmarks.peers.peers import Peer, PeerProcess
from benchmarks.peers.rounds import Measured, Rounds
from benchmarks.server import connect
from medianest_models.settings import DatabaseUrl

NEAR: Final = 2
"""The page near the beginning."""
_LOADERS: Final = 2
_INDEXES: Final = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'media_requests' AND indexname NOT LIKE 'pk%' ORDER BY indexname
"""
_BY_CURSOR: Final = frozenset({"cursor"})
_PEERS: Final = [
    Peer("medianest", "asyncio", _BY_CURSOR),
    Peer("medianest", "uvloop", _BY_CURSOR),
    Peer("raw", "asyncio", _BY_CURSOR),
    Peer("raw", "uvloop", _BY_CURSOR | {"offset"}),  # one is enough: it takes seconds of the server's time
]


async def fill(server: DatabaseUrl, rows: int) -> DatabaseUrl:
    """Make a database with so many requests, and with all indexes of a real one.

    The indexes are created after the rows, on two connections: more than twice as fast as inserting into indexes.

    Args:
        server: A database on the server.
        rows: The number of requests, a multiple of two.
    """
    url = replace(server, database="deep")
    connection = await connect(server)
    await connection.execute("CREATE DATABASE deep")
    await connection.close()
    await lay(url)
    connection = await connect(url)
    indexes = await connection.fetch(_INDEXES)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    part = rows // _LOADERS
    await _together(url, [[media_requests(n * part, (n + 1) * part)] for n in range(_LOADERS)])
    making = [index["indexdef"] for index in indexes]
    await _together(url, [making[n::_LOADERS] for n in range(_LOADERS)])
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()
    return url


async def _together(url: DatabaseUrl, statements: list[list[str]]) -> None:
    """Run each list of statements concurrently, on a separate connection."""

    async def run(number: int, several: list[str]) -> None:
        connection = await connect(url)
        await connection.execute("SET session_replication_role = replica")  # the users exist: no foreign key check
        await connection.execute("SET maintenance_work_mem = '512MB'")
        await connection.execute(f"SELECT setseed(0.{number + 1})")
        for statement in several:
            await connection.execute(statement)
        await connection.close()

    await asyncio.gather(*(run(number, several) for number, several in enumerate(statements)))


async def measure_deep(url: DatabaseUrl, *, far: int, rounds: int, seconds: float) -> dict[str, dict[str, Measured]]:
    """Measure two pages with this package and raw asyncpg; return the results by `cursor 2` and the like, and by label.

    Args:
        url: The filled database.
        far: The number of the deep page.
        rounds: The number of turns of each peer at each page.
        seconds: The duration of a turn.
    """
    depths = {page: (page - 1) * LIMIT for page in (NEAR, far)}
    connection = await connect(url)
    places = await positions(connection, list(depths.values()))
    async with AsyncExitStack() as stack:
        processes = []
        for peer in _PEERS:
            processes.append(process := await PeerProcess.start(peer))
            stack.push_async_callback(process.stop)
            await process.open(url, checks=0, positions=places)
        turns = Rounds(connection, processes, rounds=rounds, seconds=seconds)
        starters = {
            (label, f"{name} {page}"): starter
            for name in ("cursor", "offset")
            for page, depth in depths.items()
            for label, starter in (await turns.starters(Operation(name, name), depth=depth)).items()
        }
        measured = await turns.interleave(dict(sorted(starters.items())))  # the pages of a peer in sequence
    await connection.close()
    by_page: dict[str, dict[str, Measured]] = {}
    for name in ("cursor", "offset"):
        for page in depths:
            place = f"{name} {page}"
            by_page[place] = {label: done for (label, of), done in measured.items() if of == place}
    return by_page
