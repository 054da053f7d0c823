"""Taking turns: a round gives every peer one turn, and begins with another one each time."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from benchmarks.peers.server import ServerProcesses

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from benchmarks.peers.operations import Operation
    from benchmarks.peers.peers import PeerProcess

_CHECKED: Final = 5
"""Calls whose answers are compared."""
_ROUNDS_OF_LONG_CALLS: Final = 5
Key = TypeVar("Key")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass
class Measured:
    """What a peer did with an operation; a number a round.

    Attributes:
        rates: Operations a second.
        p50: Milliseconds of a call, the median.
        p99: Milliseconds of a call, of which one in a hundred takes longer.
        cpu: Microseconds of the client's CPU, an operation.
        server: Microseconds of the CPU of all the server's processes, an operation.
    """

    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    def add(self, turn: dict[str, Any], each: int) -> None:
        """Note a turn.

        Args:
            turn: What the client measured, and `server`, the seconds of the server's CPU, where these were too.
            each: How many operations a call counts for.
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
        """How many times as quick as another peer: the median of the rounds, the least and the most."""
        ratios = [mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=True)]
        return median(ratios), min(ratios), max(ratios)


class UnequalError(Exception):
    """Two peers did not do the same."""


class Starter(NamedTuple):
    """Who takes a turn, and what it does then."""

    process: PeerProcess
    operation: Operation
    depth: int


class Rounds:
    """The turns of all peers at one operation after the other.

    Args:
        connection: The benchmark's own.
        processes: The peers.
        rounds: How many.
        seconds: How long a turn is.
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
        """What each peer that has the operation did, by its label.

        Raises:
            UnequalError: They do not do the same.
        """
        return await self.interleave(await self.starters(operation, depth=depth))

    async def starters(self, operation: Operation, *, depth: int) -> dict[str, Starter]:
        """Each peer that has the operation, by its label, after a comparison of what they do.

        Raises:
            UnequalError: They do not do the same.
        """
        processes = [process for process in self._processes if operation.name in process.peer.calls]
        await self._compare(operation, processes, depth)
        return {process.peer.label: Starter(process, operation, depth) for process in processes}

    async def interleave(self, starters: Mapping[Key, Starter]) -> dict[Key, Measured]:
        """What each one did in its turns, of which it has one in every round."""
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
    """An answer in the one form in which all can be compared: names in snake_case, instants in UTC milliseconds."""
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
