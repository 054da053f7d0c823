"""Simulate 1, 10, 100 and 1,000 times today's load, and print the utilisation of each part of the portal."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from math import ceil
from typing import Final

from benchmarks.scaling.load import OPERATIONS
from benchmarks.scaling.portal import Machines, Portal, Result

TIMES: Final = (1, 10, 100, 1_000)
_CALLS: Final = 30_000
_STATIONS: Final = ("processes", "pool", "primary", "standbys", "claims", "commits")
_BUSY: Final = 0.6
"""The utilisation up to which calls hardly wait."""


def load() -> Iterator[str]:
    """Yield the table of today's load, and of what a call costs."""
    widths = {"a second": 10, "a day": 8, "client us": 11, "server us": 11, "WAL bytes": 11, "disk bytes": 12}
    yield f"{'today':30}" + "".join(f"{name:>{width}}" for name, width in widths.items())
    for o in OPERATIONS:
        yield f"{o.name:30}{o.rate:>10.3f}{o.daily:>8,}{o.client:>11,}{o.server:>11,}{o.wal:>11,}{o.kept:>12,}"


def simulated(machines: Machines) -> Iterator[str]:
    """Yield the table of utilisations."""
    stations = "".join(f"{name:>11}" for name in _STATIONS)
    yield f"{'load':>6}{'calls/s':>10}{'done/s':>10}{stations}{'p50 ms':>9}{'p99 ms':>9}"
    for times in TIMES:
        yield line(times, Portal(machines, times=times).run(_CALLS))


def line(times: int, result: Result) -> str:
    """Return a line of the table; "grow" instead of the times of calls if the queue grows without end."""
    busy = "".join(f"{result.utilisation[n]:>11.1%}" if n in result.utilisation else f"{'-':>11}" for n in _STATIONS)
    figures = f"{times:>6,}{result.offered:>10,.1f}{result.done:>10,.1f}{busy}"
    if max(result.utilisation.values()) > 0.98:  # noqa: PLR2004
        return f"{figures}{'grow':>9}{'grow':>9}"
    return f"{figures}{result.milliseconds[49]:>9.2f}{result.milliseconds[98]:>9.2f}"


def needed(machines: Machines) -> Iterator[str]:
    """Yield the table of the machines that are at most 60 % busy, without standbys."""
    widths = {"processes": 11, "cores": 7, "connections": 13, "commits/s": 11, "alone/s": 9, "WAL GB/day": 12}
    yield f"{'load':>6}" + "".join(f"{name:>{width}}" for name, width in widths.items()) + f"{'disk GB/year':>14}"
    for times in TIMES:
        processes = ceil(times * sum(o.rate * o.client for o in OPERATIONS) / 1e6 / _BUSY)
        cores = ceil(times * sum(o.rate * o.server for o in OPERATIONS) / 1e6 / _BUSY)
        commits = times * sum(o.rate for o in OPERATIONS if o.wal)
        alone = times * sum(o.rate for o in OPERATIONS if o.notifies)
        wal = times * sum(o.daily * o.wal for o in OPERATIONS) / 1e9
        kept = times * sum(o.daily * o.kept for o in OPERATIONS) / 1e9
        yield (
            f"{times:>6,}{processes:>11}{cores:>7}{processes * machines.pool:>13,}"
            f"{commits:>11,.1f}{alone:>9,.1f}{wal:>12,.2f}{365 * kept:>14,.1f}"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="client processes, each on its own core (2)")
    parser.add_argument("--pool", type=int, default=20, help="connections of each process (20)")
    parser.add_argument("--cores", type=int, default=2, help="cores of the primary and of each standby (2)")
    parser.add_argument("--standbys", type=int, default=0, help="standbys that are read from (0)")
    parser.add_argument("--commit-ms", type=float, default=1.0, help="ms until a commit is on disk and replicated (1)")
    given = parser.parse_args()
    machines = Machines(given.processes, given.pool, given.cores, given.standbys, given.commit_ms / 1e3)
    print("\n".join([*load(), "", *simulated(machines), "", *needed(machines)]))


if __name__ == "__main__":
    main()
