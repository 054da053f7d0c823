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
    """

    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    def add(self, turn: dict[str, Any], each: int) -> None:
        """Add a turn.

        Args:
            turn: The client's measurement, and `server`, the seconds of the server's CPU if they were measured.
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

    def ratio(self, other: Measured) -> tuple[float, float, float]:
        """Return the ratio of the rates to those of another peer: the median, minimum and maximum of the rounds."""
        ratios = [mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=True)]
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
        for starter in starters.values():
            if not starter.operation.once:
                await self._turn(starter, first=0, seconds=self._seconds * starter.process.peer.warm_up)
        measured = {key: Measured() for key in starters}
        takes_seconds = any(starter.operation.once for starter in starters.values())
        for number in range(min(self._rounds, _ROUNDS_OF_LONG_CALLS) if takes_seconds else self._rounds):
            start = number % len(order)
            for key, starter in order[start:] + order[:start]:
                turn = await self._turn(starter, first=1000 * number, seconds=self._seconds)
                measured[key].add(turn, starter.operation.each)
        return measured

    async def _turn(self, starter: Starter, *, first: int, seconds: float) -> dict[str, Any]:
        operation = starter.operation
        await self._run(operation.before)
        before = self._server.cpu_seconds()
        turn = await starter.process.run(
            operation.name,
            depth=starter.depth,
            first=first,
            seconds=0 if operation.once else seconds,
            most=operation.most,
            at_once=operation.at_once,
        )
        return turn | {"server": self._server.cpu_seconds() - before}

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
