"""The way of a call through the portal: a client process, its pool, a database server, the commit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import quantiles
from typing import Final

from benchmarks.scaling.load import OPERATIONS, Operation
from benchmarks.scaling.queues import Process, Simulation, Station

_CHECK_OF_STANDBY: Final = 1.1
"""A read on a standby takes a tenth longer, because it first asks how far the standby is."""


@dataclass(frozen=True)
class Machines:
    """The machines of a portal.

    Attributes:
        processes: The client processes, each of which uses one core.
        pool: The most connections of each (`DATABASE_POOL_MAX`).
        cores: The cores of the primary, and of each standby.
        standbys: The standbys that are read from.
        commit: The seconds until a commit is on disk, and with synchronous replication on the standby's.
    """

    processes: int
    pool: int
    cores: int
    standbys: int
    commit: float


@dataclass(frozen=True)
class Result:
    """Figures of a run.

    Attributes:
        offered: The calls a second that began.
        done: The calls a second that ended.
        utilisation: The utilisation of each station.
        milliseconds: The percentiles of a call's time, from 1 to 99.
    """

    offered: float
    done: float
    utilisation: dict[str, float]
    milliseconds: list[float]


class Portal:
    """One run.

    Args:
        machines: The machines.
        times: The load, as a multiple of today's.
        seed: The seed of the random numbers.
    """

    def __init__(self, machines: Machines, *, times: float, seed: int = 1) -> None:
        self._machines = machines
        self._times = times
        self._simulation = Simulation()
        station = partial(Station, self._simulation)
        self._processes = station(machines.processes)
        self._pool = station(machines.processes * machines.pool)
        self._primary = station(machines.cores)
        self._standbys = station(machines.cores * machines.standbys) if machines.standbys else None
        self._claims = station(1)
        self._commits = station(1)
        self._spent: list[float] = []
        self._random = Random(seed)  # noqa: S311 - no secret

    def run(self, calls: int) -> Result:
        """Simulate until so many calls have begun.

        Calls come at random moments (a Poisson process), and each part of one takes an exponential time.
        """
        rates = [self._times * operation.rate for operation in OPERATIONS]
        begins = 0.0
        for operation in self._random.choices(OPERATIONS, rates, k=calls):
            begins += self._around(1 / sum(rates))
            self._simulation.start(self._call(operation), after=begins)
        self._simulation.run(begins)
        stations = {
            "processes": self._processes, "pool": self._pool, "primary": self._primary, "standbys": self._standbys,
            "claims": self._claims, "commits": self._commits,
        }  # fmt: skip
        return Result(
            offered=calls / begins,
            done=len(self._spent) / begins,
            utilisation={name: station.utilisation for name, station in stations.items() if station},
            milliseconds=[1e3 * seconds for seconds in quantiles(self._spent, n=100)],
        )

    def _around(self, mean: float) -> float:
        return self._random.expovariate(1 / mean)

    def _call(self, operation: Operation) -> Process:
        began = self._simulation.now
        yield self._processes
        yield self._around(operation.client / 1e6)
        self._processes.release()
        yield self._pool
        if operation.claims:
            yield self._claims
        yield from self._query(operation)
        if operation.wal:
            yield from self._commit(operation)
        if operation.claims:
            self._claims.release()
        self._pool.release()
        self._spent.append(self._simulation.now - began)

    def _query(self, operation: Operation) -> Process:
        server, seconds = self._primary, operation.server / 1e6
        if operation.on_standby and self._standbys:
            server, seconds = self._standbys, seconds * _CHECK_OF_STANDBY
        yield server
        yield self._around(seconds)
        server.release()

    def _commit(self, operation: Operation) -> Process:
        """Wait for the disk, with others at once, but alone where the commit notifies."""
        if operation.notifies:
            yield self._commits
        yield self._around(self._machines.commit)
        if operation.notifies:
            self._commits.release()
