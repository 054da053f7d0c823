"""How much longer a page takes far down a very long list than near its top."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from benchmarks.peers.clients.inputs import LIMIT
from benchmarks.peers.data import connect, lay, media_requests, positions
from benchmarks.peers.operations import Operation
from benchmarks.peers.peers import Peer, PeerProcess
from benchmarks.peers.rounds import Measured, Rounds

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl

NEAR: Final = 2
"""The page that the other one is compared with."""
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
    Peer("raw", "uvloop", _BY_CURSOR | {"offset"}),  # one is enough: it takes seconds, and the server's
]


async def fill(server: DatabaseUrl, rows: int) -> DatabaseUrl:
    """Makes a database with so many requests, with all indexes that a real one has.

    The indexes are made after the rows, by two connections: more than twice as quick as rows into indexes.

    Args:
        server: A database on the server.
        rows: How many requests, a multiple of two.
    """
    url = server.with_database("deep")
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
    """Runs each list on a connection of its own, at the same time."""

    async def run(number: int, several: list[str]) -> None:
        connection = await connect(url)
        await connection.execute("SET session_replication_role = replica")  # the users are there: no row is looked up
        await connection.execute("SET maintenance_work_mem = '512MB'")
        await connection.execute(f"SELECT setseed(0.{number + 1})")
        for statement in several:
            await connection.execute(statement)
        await connection.close()

    await asyncio.gather(*(run(number, several) for number, several in enumerate(statements)))


async def measure_deep(url: DatabaseUrl, *, far: int, rounds: int, seconds: float) -> dict[str, dict[str, Measured]]:
    """What this package and raw asyncpg did at two pages, by `cursor 2` and the like, and by their labels.

    Args:
        url: The filled database.
        far: The number of the page that lies deep.
        rounds: How many turns each has at each page.
        seconds: How long a turn is.
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
        measured = await turns.interleave(dict(sorted(starters.items())))  # a peer's pages one after the other
    await connection.close()
    by_page: dict[str, dict[str, Measured]] = {}
    for name in ("cursor", "offset"):
        for page in depths:
            place = f"{name} {page}"
            by_page[place] = {label: done for (label, of), done in measured.items() if of == place}
    return by_page
