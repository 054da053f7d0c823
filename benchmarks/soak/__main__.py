"""The program: it starts the database and the workers, disturbs them, and checks the invariants afterwards."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from benchmarks.server import own_server
from benchmarks.soak import worker
from benchmarks.soak.crew import crew_in
from benchmarks.soak.disturbances import of_cluster, of_server
from benchmarks.soak.running import Soak
from examples.cluster.clusters import running_cluster
from examples.cluster.parts import ClusterError
from medianest_models.encryption import generate_key
from medianest_models.settings import DatabaseUrl


async def main() -> int:
    """Run it, and return 0 if every invariant holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--cluster", action="store_true", help="use a Patroni cluster, see examples/cluster")
    parser.add_argument("--bindir", type=Path, help="the folder of PostgreSQL's programs; by default the wheel's")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker is not None:
        await worker.run(arguments.worker, arguments.journal, number=arguments.workers)
        return 0
    os.environ["ENCRYPTION_KEYS"] = generate_key().get_secret_value()
    seconds = 60 * arguments.minutes
    if not arguments.cluster:
        async with own_server("soak", bindir=arguments.bindir) as (server, folder), crew_in(folder) as crew:
            url = await asyncio.to_thread(server.start)
            soak = Soak(crew, url, of_server(server, crew), seconds=seconds)
            return 0 if await soak.run(arguments.workers) else 1
    try:
        async with running_cluster(bindir=arguments.bindir) as cluster, crew_in(cluster.new_folder("soak")) as crew:
            os.environ["DATABASE_FAILOVER_WAIT"] = "30"
            url = DatabaseUrl.parse(cluster.primary_url)
            soak = Soak(crew, url, of_cluster(cluster), seconds=seconds)
            return 0 if await soak.run(arguments.workers) else 1
    except ClusterError as error:
        print(f"benchmarks.soak: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
