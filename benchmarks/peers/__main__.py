"""The program: it prepares the database, lets the peers take turns, and prints the table."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any, Final

from benchmarks.peers import goals
from benchmarks.peers.data import positions, prepare
from benchmarks.peers.deep import fill, measure_deep
from benchmarks.peers.lone import TITLES, measure_lone
from benchmarks.peers.memory import measure_memory
from benchmarks.peers.operations import Operation, operations
from benchmarks.peers.peers import PEERS, PeerProcess, available
from benchmarks.peers.rounds import Measured, Rounds
from benchmarks.peers.startup import measure_startup
from benchmarks.peers.table import lines
from benchmarks.server import connect, own_server
from medianest_models.embedded import EmbeddedServer
from medianest_models.encryption import generate_key
from medianest_models.settings import DatabaseUrl

_DEPTHS: Final = (0.00002, 0.001, 0.02, 0.2, 0.8)
"""The depths of the depth curve, as fractions of all requests; the table uses the fourth."""
_TABLE_DEPTH: Final = 3
_DEEP_ROWS: Final = 10_000_000
_DEEP_PAGE: Final = 40_000


class Benchmark:
    """One run.

    Args:
        server: A server without data.
        quick: Whether to use a tenth of the data, for about two minutes, without the list of 10,000,000 rows.
    """

    def __init__(self, server: EmbeddedServer, *, quick: bool) -> None:
        self.server = server
        self.quick = quick
        self.rows = 100_000 if quick else 1_000_000
        self.rounds = 3 if quick else 7
        self.seconds = 0.1 if quick else 0.3
        self.checks = 10_000 if quick else 100_000
        self.queue = 4_000 if quick else 10_000
        self.worked = 20_000 if quick else 1_000_000
        self.lone_turns = 100 if quick else 500
        self.processes: list[PeerProcess] = []
        self.results: list[dict[str, Any]] = []
        self.verdicts: list[goals.Verdict] = []

    async def run(self) -> dict[str, Any]:
        """Run the benchmark, and return the results to save."""
        peers = available(PEERS)
        started = monotonic()
        os.environ["ENCRYPTION_KEYS"] = generate_key().get_secret_value()
        os.environ["LOG_LEVEL"] = "error"  # the load at the end makes statements slow, as expected
        url = await prepare(self.server, self.rows)
        os.environ["DATABASE_URL"] = url.render().get_secret_value()
        connection = await connect(url)
        version = await connection.fetchval("SHOW server_version")
        print(
            f"{self.rows:,} requests and checks, 1,000 users; PostgreSQL {version}, Python {platform.python_version()},"
            f" {os.cpu_count()} cores; {self.rounds} rounds of {self.seconds:g} s; ready after"
            f" {monotonic() - started:.0f} s",
            flush=True,
        )
        self._show(
            "import to the first query",
            "startup",
            await measure_startup(url, rounds=self.rounds, with_prisma=any(peer.loop == "node" for peer in peers)),
        )
        depths = [max(1, round(part * self.rows)) for part in _DEPTHS]
        places = await positions(connection, depths)
        for peer in peers:
            self.processes.append(await PeerProcess.start(peer))
        await asyncio.gather(*(p.open(url, checks=self.checks, positions=places) for p in self.processes))
        rounds = Rounds(connection, self.processes, rounds=self.rounds, seconds=self.seconds)
        for operation in operations(queue=self.queue, checks=self.checks):
            measured = await rounds.measure(operation, depth=depths[_TABLE_DEPTH])
            self._show(operation.title, operation.name, measured)
        for name, kinds in (await measure_lone(url, turns=self.lone_turns)).items():
            self._show(TITLES[name], name, kinds)
        on_one_loop = [process for process in self.processes if process.peer.loop != "asyncio"]
        await self._depth_curve(Rounds(connection, on_one_loop, rounds=3, seconds=self.seconds), depths)
        parts = await self._last_parts(url, depths[_TABLE_DEPTH])
        for line in goals.lines(self.verdicts):
            print(line)
        if self.quick:
            print("the goals are those of a full run: ten times as many rows, and longer rounds")
        print(f"\n{monotonic() - started:.0f} s in all")
        return {
            "rows": self.rows, "rounds": self.rounds, "seconds": self.seconds, "postgresql": version,
            "python": platform.python_version(), "cores": os.cpu_count(), "results": self.results,
            "verdicts": [verdict.kept() for verdict in self.verdicts], **parts,
        }  # fmt: skip

    async def _depth_curve(self, rounds: Rounds, depths: list[int]) -> None:
        for depth in depths:
            for name in ("cursor", "offset"):
                operation = Operation(name, f"{name}, {depth:,} rows deep", at_once=1)
                self._show(operation.title, f"{name}@{depth}", await rounds.measure(operation, depth=depth))

    async def _last_parts(self, url: DatabaseUrl, depth: int) -> dict[str, Any]:
        """Measure the memory and the long list, which is filled meanwhile, and return the results to save."""
        async with asyncio.TaskGroup() as group:
            filling = None if self.quick else group.create_task(fill(url, _DEEP_ROWS))
            working = group.create_task(measure_memory(url, operations=self.worked, depth=depth))
        megabytes = working.result()
        print(f"\nmemory of a worker after each tenth of {self.worked:,} operations, in MB: ", end="")
        print(", ".join(f"{held:.1f}" for held in megabytes), flush=True)
        if filling is None:
            print(f"page {_DEEP_PAGE:,} of {_DEEP_ROWS:,} rows: left out of a quick run")
            measured = {}
        else:
            measured = await measure_deep(filling.result(), far=_DEEP_PAGE, rounds=self.rounds, seconds=self.seconds)
            for place, peers in measured.items():
                for line in lines(f"{place} of {_DEEP_ROWS:,} rows", peers):
                    print(line, flush=True)
            self.verdicts.append(goals.of_depth(_DEEP_ROWS, _DEEP_PAGE, measured))
        self.verdicts.append(goals.of_memory(self.worked, megabytes))
        deep = {place: {label: asdict(done) for label, done in peers.items()} for place, peers in measured.items()}
        return {"memory": {"operations": self.worked, "megabytes": megabytes}, "deep": deep}

    def _show(self, title: str, name: str, measured: dict[str, Measured]) -> None:
        for line in lines(title, measured):
            print(line, flush=True)
        self.verdicts += goals.of_operation(name, title, measured)
        self.results.append({"name": name, "title": title, "peers": {k: asdict(v) for k, v in measured.items()}})


async def main() -> int:
    """Run it, and return 0 if all peers did the same work."""
    parser = argparse.ArgumentParser(prog="just bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, in about two minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results in FILE, for `just bench-plot`")
    arguments = parser.parse_args()
    async with own_server("bench") as (server, _):
        benchmark = Benchmark(server, quick=arguments.quick)
        try:
            kept = await benchmark.run()
        finally:
            await asyncio.gather(*(process.stop() for process in benchmark.processes))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(kept, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
