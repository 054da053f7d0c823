"""The simulation of more load agrees with the closed forms of queueing theory, and with itself."""

from __future__ import annotations

from math import factorial
from random import Random

import pytest

from benchmarks.scaling.__main__ import TIMES, line
from benchmarks.scaling.load import OPERATIONS, Operation
from benchmarks.scaling.portal import Machines, Portal, Result
from benchmarks.scaling.queues import Process, Simulation, Station

TWO_CORES = Machines(processes=2, pool=20, cores=2, standbys=0, commit=0.001)


def mean_wait(servers: int, utilisation: float) -> float:
    """Return the mean wait of M/M/c, by Erlang's C formula, in service times."""
    load = servers * utilisation
    all_busy = load**servers / factorial(servers) / (1 - utilisation)
    probability = all_busy / (sum(load**n / factorial(n) for n in range(servers)) + all_busy)
    return probability / (servers - load)


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.3), (1, 0.8), (2, 0.7), (8, 0.7), (8, 0.9)])
def test_a_station_waits_as_long_as_erlang_says(servers: int, utilisation: float) -> None:
    simulation = Simulation()
    station = Station(simulation, servers)
    random = Random(1)  # noqa: S311 - no secret

    def customer() -> Process:
        yield station
        yield random.expovariate(1)
        station.release()

    begins = 0.0
    for _ in range(100_000):
        begins += random.expovariate(servers * utilisation)
        simulation.start(customer(), after=begins)
    simulation.run(begins)
    assert station.waited / station.served == pytest.approx(mean_wait(servers, utilisation), rel=0.05)
    assert station.utilisation == pytest.approx(utilisation, rel=0.01)


def test_who_came_first_is_served_first() -> None:
    simulation = Simulation()
    station = Station(simulation, 1)
    served = []

    def customer(name: str) -> Process:
        yield station
        served.append((name, simulation.now))
        yield 2.0
        station.release()

    for name, after in (("second", 0.5), ("first", 0.0), ("third", 0.5)):
        simulation.start(customer(name), after=after)
    simulation.run(10)
    assert served == [("first", 0), ("second", 2), ("third", 4)]
    assert (station.waited, station.utilisation) == (1.5 + 3.5, 0.6)


def simulated(machines: Machines = TWO_CORES, *, times: float = 1) -> Result:
    """Simulate a short run."""
    return Portal(machines, times=times).run(5_000)


def test_a_run_can_be_repeated() -> None:
    assert simulated(times=1_000) == simulated(times=1_000)


def test_the_utilisation_is_what_the_load_costs_and_grows_with_it() -> None:
    results = [simulated(times=times) for times in TIMES]
    for name in results[0].utilisation:
        busy = [result.utilisation[name] for result in results]
        assert busy == sorted(busy)
    for times, result in zip(TIMES, results, strict=True):
        client = sum(operation.rate * operation.client for operation in OPERATIONS) * times / 1e6
        assert result.utilisation["processes"] * 2 == pytest.approx(client, rel=0.2)
        assert result.offered == pytest.approx(sum(operation.rate for operation in OPERATIONS) * times, rel=0.05)


def test_more_load_than_the_machines_can_do_is_said() -> None:
    result = Portal(TWO_CORES, times=5_000).run(30_000)
    assert result.utilisation["primary"] > 0.98
    assert result.done < result.offered / 2
    assert line(5_000, result).split()[-2:] == ["grow", "grow"]


def test_standbys_take_the_reads_off_the_primary() -> None:
    alone = simulated(times=100)
    two = simulated(Machines(processes=2, pool=20, cores=2, standbys=2, commit=0.001), times=100)
    reads = sum(operation.rate * operation.server for operation in OPERATIONS if operation.on_standby)
    assert two.utilisation["standbys"] * 4 == pytest.approx(1.1 * reads * 100 / 1e6, rel=0.2)
    assert two.utilisation["primary"] < alone.utilisation["primary"] / 2


@pytest.mark.parametrize(("field", "most"), [("notifies", 100.0), ("claims", 1 / (0.01 + 0.01))])
def test_what_holds_a_lock_is_done_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, field: str, most: float
) -> None:
    operation = Operation("x", 1_000, 0, client=1, server=10_000, wal=1, **{field: True})
    monkeypatch.setattr("benchmarks.scaling.portal.OPERATIONS", (operation,))
    result = Portal(Machines(processes=2, pool=20, cores=32, standbys=0, commit=0.01), times=1).run(5_000)
    assert result.done == pytest.approx(most, rel=0.1)


def test_a_commit_that_notifies_nobody_waits_for_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scaling.portal.OPERATIONS", (Operation("x", 1_000, 0, client=1, server=1, wal=1),))
    result = Portal(Machines(processes=2, pool=20, cores=2, standbys=0, commit=0.01), times=1).run(5_000)
    assert result.done == pytest.approx(result.offered, rel=0.01)


def test_the_pool_is_held_until_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scaling.portal.OPERATIONS", (Operation("x", 1_000, 0, client=1, server=1, wal=1),))
    result = Portal(Machines(processes=2, pool=1, cores=2, standbys=0, commit=0.01), times=1).run(5_000)
    assert result.done == pytest.approx(2 / 0.01, rel=0.1)
