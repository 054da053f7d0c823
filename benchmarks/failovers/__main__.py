"""The command line: measure the scenarios and print their outcomes."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from benchmarks.failovers.outcomes import HEADER, run_scenario
from benchmarks.failovers.scenarios import SCENARIOS
from benchmarks.soak.crew import prepare
from examples.cluster.clusters import running_cluster
from examples.cluster.parts import ClusterError
from medianest_models.encryption import generate_key
from medianest_models.settings import DatabaseUrl


async def main() -> int:
    """Measure them, and return 0 if nothing was lost or broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failovers")
    parser.add_argument("--asynchronous", action="store_true", help="without synchronous replication")
    parser.add_argument("--bindir", type=Path, help="the folder of PostgreSQL's programs; by default the wheel's")
    parser.add_argument("--only", default="", help="measure only the scenarios whose title begins with this")
    arguments = parser.parse_args()
    os.environ["ENCRYPTION_KEYS"] = generate_key().get_secret_value()
    outcomes = []
    try:
        async with running_cluster(synchronous=not arguments.asynchronous, bindir=arguments.bindir) as cluster:
            await prepare(DatabaseUrl.parse(cluster.primary_url))
            print(HEADER)
            for scenario in SCENARIOS:
                if scenario.title.startswith(arguments.only):
                    outcomes.append(await run_scenario(cluster, scenario))
                    print(outcomes[-1], flush=True)
                    for broken in outcomes[-1].broken:
                        print(f"    BROKEN {broken}")
    except ClusterError as error:
        print(f"benchmarks.failovers: {error}", file=sys.stderr)
        return 1
    return 1 if any(outcome.broken for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
