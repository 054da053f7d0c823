"""The scenarios: each disturbs a healthy cluster with workers on it, and repairs the cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import time
from typing import Final

from benchmarks.soak.crew import Crew
from examples.cluster.clusters import Cluster, Roles
from examples.cluster.configuration import TTL
from examples.cluster.nodes import until
from examples.cluster.parts import ClusterError
from medianest_models.db.direct import direct_connection
from medianest_models.settings import DatabaseUrl

BY_HAPROXY: Final = "HAProxy"
BY_HOSTS: Final = "several hosts"
STRAIGHT: Final = "one host"
WORKERS: Final = 5  # of a process
LONGEST: Final = TTL + 5.0
"""The most seconds without progress: until a silent leader is replaced, and five to continue."""
_NEWER: Final = "SELECT EXISTS (SELECT FROM media_requests WHERE created_at > $1)"


@dataclass
class Disturbed:
    """A cluster with workers on it, during a scenario.

    Attributes:
        roles: The roles of the nodes at its start.
        marks: The times of the disturbances.
    """

    cluster: Cluster
    crew: Crew
    roles: Roles
    marks: list[float]

    def mark(self) -> None:
        """Note the time just before a disturbance."""
        self.marks.append(time())

    async def progress(self, *ways: str) -> None:
        """Wait for a write by each process that connects in one of these ways, by default by all, after this moment."""
        now = time()
        names = [name for name in self.crew.names if not ways or name.startswith(ways)]

        async def is_progressing() -> bool:
            if self.crew.ended:
                raise ClusterError(f"{', '.join(self.crew.ended)} died")
            return all(self.crew.last_write(name) > now for name in names)

        await until(is_progressing, f"progress of {', '.join(names)}")

    async def failover(self) -> None:
        """Wait until there is another leader, and all processes have made progress."""
        await self.cluster.replaced(self.roles.leader)
        await self.progress()


@dataclass(frozen=True)
class Scenario:
    """The title of a scenario, and the function that disturbs."""

    title: str
    disturb: Callable[[Disturbed], Awaitable[None]]


async def _kill_postmaster(run: Disturbed) -> None:
    run.mark()
    run.roles.leader.kill_postmaster()
    await run.failover()


async def _kill_node(run: Disturbed) -> None:
    run.mark()
    run.roles.leader.kill()
    await run.failover()
    run.roles.leader.start()


async def _switch_over_twice(run: Disturbed) -> None:
    for _ in range(2):
        run.mark()
        await run.cluster.switch_over()
        await run.progress()


async def _cut_off(run: Disturbed) -> None:
    run.mark()
    run.roles.leader.cut()
    try:
        await run.failover()
    finally:
        run.roles.leader.heal()


async def _freeze_patroni(run: Disturbed) -> None:
    """Freeze the leader's Patroni, while some clients know only its PostgreSQL, which goes on as a primary."""
    await run.crew.start(
        STRAIGHT, workers=WORKERS, DATABASE_URL=run.cluster.url(run.roles.leader), DATABASE_COMMAND_TIMEOUT="3"
    )
    await run.progress()
    run.mark()
    run.roles.leader.freeze_patroni()
    try:
        await run.cluster.replaced(run.roles.leader)
        await run.progress(BY_HAPROXY)
        await _wait_for_a_diverged_row(run.cluster.url(run.roles.leader))
    finally:
        run.roles.leader.thaw()
    await run.crew.kill(STRAIGHT)
    await run.progress()


async def _wait_for_a_diverged_row(url: str) -> None:
    """Wait until a primary that was replaced shows a new row: if it is synchronous, one whose client gave up."""
    async with direct_connection(DatabaseUrl.parse(url)) as connection:
        now = await connection.fetchval("SELECT now()")

        async def is_there() -> bool:
            return bool(await connection.fetchval(_NEWER, now))

        await until(is_there, "a row on the old primary")


async def _kill_postmaster_behind_a_silent_host(run: Disturbed) -> None:
    run.roles.other.freeze()
    try:
        run.mark()
        run.roles.leader.kill_postmaster()
        await run.failover()
    finally:
        run.roles.other.thaw()


SCENARIOS: Final = (
    Scenario("postmaster killed", _kill_postmaster),
    Scenario("whole node killed", _kill_node),
    Scenario("two switchovers in a row", _switch_over_twice),
    Scenario("leader cut off from etcd", _cut_off),
    Scenario("Patroni frozen, clients straight to the old primary", _freeze_patroni),
    Scenario("postmaster killed, first host silent", _kill_postmaster_behind_a_silent_host),
)
