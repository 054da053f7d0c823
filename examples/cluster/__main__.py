"""The command line of the example."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from examples.cluster.clusters import running_cluster
from examples.cluster.parts import ClusterError, install_parts


async def main() -> int:
    """Run a cluster until Ctrl-C, and return the exit status."""
    parser = argparse.ArgumentParser(prog="examples.cluster", description="A Patroni cluster on this machine.")
    parser.add_argument("--install", action="store_true", help="install what is missing, and exit")
    parser.add_argument("--asynchronous", action="store_true", help="without synchronous replication")
    parser.add_argument("--bindir", type=Path, help="the folder of PostgreSQL's programs; by default the wheel's")
    arguments = parser.parse_args()
    try:
        if arguments.install:
            await asyncio.to_thread(install_parts)
            return 0
        async with running_cluster(synchronous=not arguments.asynchronous, bindir=arguments.bindir) as cluster:
            print(f"the primary, via HAProxy:   {cluster.primary_url}")
            print(f"the standbys, via HAProxy:  {cluster.replica_url}")
            print(f"the nodes:                  {cluster.url(*cluster.nodes)}")
            for node in cluster.nodes:
                print(f"Patroni of {node.name}:               http://{node.place.host}:{node.place.api_port}/cluster")
            print(
                f"the configurations and logs are in {cluster.folder}; Ctrl-C ends and removes everything", flush=True
            )
            await asyncio.Event().wait()
    except ClusterError as error:
        print(f"examples.cluster: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        sys.exit(130)
