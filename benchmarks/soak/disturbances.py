"""The disturbances of a run, each with the line that announces it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from benchmarks.soak.crew import Crew
from examples.cluster.clusters import Cluster
from medianest_models.embedded import EmbeddedServer

Disturbance = tuple[str, Callable[[], Awaitable[None]]]


def of_server(server: EmbeddedServer, crew: Crew) -> list[Disturbance]:
    """Return the disturbances of a single server."""

    async def restart() -> None:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)

    async def kill() -> None:
        pid = server.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while server.status().pid is not None:  # noqa: ASYNC110 - the kernel sends no event
            await asyncio.sleep(0.01)
        await asyncio.to_thread(server.start)

    async def replace_worker() -> None:
        await crew.kill(crew.names[0])
        await crew.start("worker-again")

    return [
        ("the server is stopped and started again", restart),
        ("the server is killed with SIGKILL, and started again", kill),
        ("a worker is killed with SIGKILL, and another one takes its place", replace_worker),
    ]


def of_cluster(cluster: Cluster) -> list[Disturbance]:
    """Return the disturbances of a cluster: two failovers, and a switchover between them."""

    async def kill_postmaster() -> None:
        (await cluster.in_step()).leader.kill_postmaster()

    async def kill_node() -> None:
        leader = (await cluster.in_step()).leader
        leader.kill()
        await cluster.replaced(leader)
        leader.start()

    return [
        ("the primary's postmaster is killed", kill_postmaster),
        ("a switchover", cluster.switch_over),
        ("the primary's whole node is killed, and started again when it was replaced", kill_node),
    ]
