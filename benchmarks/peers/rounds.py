"""Rounds: every peer has one turn per round, and each round begins with another peer."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any, Final, NamedTuple, TypeVar

import asyncpg

from benchmarks.peers.operations import Operation
from benchmarks.peers.peers import PeerProcess
from benchmarks.server import ServerProcesses

_CHECKED: Final = 5
"""The number of calls whose answers are compared."""
_ROUNDS_OF_LONG_CALLS: Final = 5
_COUNTS: Final = 3
"""The number of times that the pages of an operation are counted, each in a third of a turn's time."""
_PAGES: Final = """
SELECT session, sum(hits + read_bytes / current_setting('block_size')::int)::bigint AS pages
FROM unnest($1::int[]) AS session, pg_stat_get_backend_io(session) WHERE object = 'relation' GROUP BY session
"""
Key = TypeVar("Key")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass
class Measured:
    """The measurements of a peer for an operation, one number per round.

    Attributes:
        rates: Operations per second.
        p50: The median time of a call, in milliseconds.
        p99: The 99th percentile of the time of a call, in milliseconds.
        cpu: The client's CPU time per operation, in microseconds.
        server: The CPU time of all server processes per operation, in microseconds.
        buffers: The shared pages that the server's sessions of the peer hit or read per operation. For an operation
            that takes seconds there is a number per round; for others, one for each short turn after the warm-up.
    """

    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    buffers: list[float] = field(default_factory=list)

    def add(self, turn: dict[str, Any], each: int) -> None:
        """Add a turn.

        Args:
            turn: The client's measurement; if they were measured, `server`, the seconds of the server's CPU, and
                `buffers`, the number of pages.
            each: The number of operations that a call counts for.
        """
        latencies = turn["latencies"]
        done = len(latencies) * each
        cuts = quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else latencies * 99
        self.rates.append(done / turn["seconds"])
        self.p50.append(1000 * cuts[49])
        self.p99.append(1000 * cuts[98])
        self.cpu.append(1e6 * turn["cpu"] / done)
        if "server" in turn:
            self.server.append(1e6 * turn["server"] / done)
        if "buffers" in turn:
            self.count(turn, each)

    def count(self, turn: dict[str, Any], each: int) -> None:
        """Add a turn's pages, and nothing else of it."""
        self.buffers.append(turn["buffers"] / len(turn["latencies"]) / each)

    def ratio(self, other: Measured) -> tuple[float, float, float]:
        """Return the ratio of the rates to those of another peer: the median, minimum and maximum of the rounds."""
        return _ratio(self.rates, other.rates)

    def cpu_ratio(self, other: Measured) -> tuple[float, float, float]:
        """Return how many times less CPU its client used than another's: the same three numbers."""
        return _ratio(other.cpu, self.cpu)


def _ratio(ones: list[float], others: list[float]) -> tuple[float, float, float]:
    ratios = [one / other for one, other in zip(ones, others, strict=True)]
    return median(ratios), min(ratios), max(ratios)


class UnequalError(Exception):
    """Two peers did not do the same."""


class Starter(NamedTuple):
    """A peer for a turn, and its operation."""

    process: PeerProcess
    operation: Operation
    depth: int


class Rounds:
    """The turns of all peers, for one operation at a time.

    Args:
        connection: The benchmark's own connection.
        processes: The peers.
        rounds: The number of rounds.
        seconds: The duration of a turn.
    """

    def __init__(
        self, connection: asyncpg.Connection[Any], processes: list[PeerProcess], *, rounds: int, seconds: float
    ) -> None:
        self._connection = connection
        self._server = ServerProcesses(connection.get_server_pid())
        self._counts_pages = connection.get_server_version() >= (18,)
        self._processes = processes
        self._rounds = rounds
        self._seconds = seconds

    async def measure(self, operation: Operation, *, depth: int) -> dict[str, Measured]:
        """Measure an operation with each peer that supports it, and return the results by label.

        Raises:
            UnequalError: Two peers do not do the same.
        """
        return await self.interleave(await self.starters(operation, depth=depth))

    async def starters(self, operation: Operation, *, depth: int) -> dict[str, Starter]:
        """Compare the peers that support the operation, and return their starters by label.

        Raises:
            UnequalError: Two peers do not do the same.
        """
        processes = [process for process in self._processes if operation.name in process.peer.calls]
        await self._compare(operation, processes, depth)
        return {process.peer.label: Starter(process, operation, depth) for process in processes}

    async def interleave(self, starters: Mapping[Key, Starter]) -> dict[Key, Measured]:
        """Run one turn of each per round, and return the measurements."""
        order = list(starters.items())
        measured = {key: Measured() for key in starters}
        for key, starter in starters.items():
            if not starter.operation.once:
                for turn in await self._warm_up(starter):
                    measured[key].count(turn, starter.operation.each)
        takes_seconds = any(starter.operation.once for starter in starters.values())
        for number in range(min(self._rounds, _ROUNDS_OF_LONG_CALLS) if takes_seconds else self._rounds):
            start = number % len(order)
            for key, starter in order[start:] + order[:start]:
                measured[key].add(await self._turn(starter, first=1000 * number), starter.operation.each)
        return measured

    async def _warm_up(self, starter: Starter) -> list[dict[str, Any]]:
        """Warm a peer up, and return the short turns after it whose pages were counted.

        Nothing comes between these turns: after SQL such as TRUNCATE, each session plans its statements again and reads
        the catalog for that. A session that the warm-up did not use does so once, so the median counts.
        """
        operation = starter.operation
        most = None if operation.most is None else operation.most // (1 + _COUNTS)
        await self._run(operation.before)
        seconds = self._seconds * starter.process.peer.warm_up
        turn = await self._work(starter, first=0, seconds=seconds, most=most)
        counted, first = [], 0
        for _ in range(_COUNTS if self._counts_pages else 0):
            first += len(turn["latencies"])
            turn = await self._count(starter, first=first, seconds=self._seconds / 3, most=most)
            counted.append(turn)
        return counted

    async def _turn(self, starter: Starter, *, first: int) -> dict[str, Any]:
        operation = starter.operation
        await self._run(operation.before)
        work = self._count if operation.once and self._counts_pages else self._work
        seconds = 0 if operation.once else self._seconds
        return await work(starter, first=first, seconds=seconds, most=operation.most)

    async def _count(self, starter: Starter, *, first: int, seconds: float, most: int | None) -> dict[str, Any]:
        before = await self._pages(starter.process)
        turn = await self._work(starter, first=first, seconds=seconds, most=most)
        pages = await self._pages(starter.process)
        return turn | {"buffers": sum(now - before.get(session, 0) for session, now in pages.items())}

    async def _work(self, starter: Starter, *, first: int, seconds: float, most: int | None) -> dict[str, Any]:
        before = self._server.cpu_seconds()
        turn = await starter.process.run(
            starter.operation.name,
            depth=starter.depth,
            first=first,
            seconds=seconds,
            most=most,
            at_once=starter.operation.at_once,
        )
        return turn | {"server": self._server.cpu_seconds() - before}

    async def _pages(self, process: PeerProcess) -> dict[int, int]:
        """Return the number of shared pages that each session of a peer has hit or read so far."""
        rows = await self._connection.fetch(_PAGES, await process.report())
        return {row["session"]: row["pages"] for row in rows}

    async def _compare(self, operation: Operation, processes: list[PeerProcess], depth: int) -> None:
        expected: Any = None
        for process in processes:
            await self._run(operation.before)
            calls = 1 if operation.once else _CHECKED
            answers = await process.check(operation.name, depth=depth, calls=calls)
            found = normal(answers), tuple(await self._connection.fetchrow(operation.after) or ())
            if expected is None:
                expected = found
            elif found != expected:
                raise UnequalError(
                    f"{operation.name}: {process.peer.label} and {processes[0].peer.label} differ:\n"
                    f"{str(found)[:2000]}\n{str(expected)[:2000]}"
                )
        if None in expected[0]:
            raise UnequalError(f"{operation.name}: nothing was found")
        await self._run(operation.before)

    async def _run(self, sql: str) -> None:
        for statement in filter(None, map(str.strip, sql.split(";"))):
            await self._connection.execute(statement)


def normal(value: Any) -> Any:
    """Normalise an answer, to compare it with others: names in snake_case, timestamps in UTC milliseconds."""
    match value:
        case dict():
            return {_snake_case(name): normal(item) for name, item in value.items()}
        case list():
            return [normal(item) for item in value]
        case str() if _INSTANT.fullmatch(value):
            return dt.datetime.fromisoformat(value).astimezone(dt.UTC).isoformat(timespec="milliseconds")
        case _:
            return value


def _snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
