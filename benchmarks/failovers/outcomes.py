"""Running a scenario, and the outcome: from the workers' journals and the database."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, pairwise
from time import time
from typing import Final

from benchmarks.failovers.scenarios import BY_HAPROXY, BY_HOSTS, WORKERS, Disturbed, Scenario
from benchmarks.soak.crew import crew_in
from benchmarks.soak.invariants import check, done_twice, lost
from benchmarks.soak.journal import Report
from examples.cluster.clusters import Cluster
from medianest_models.db import database
from medianest_models.settings import DatabaseUrl

HEADER: Final = f"{'scenario':52} {'writes':>6} {'lost':>5} {'twice':>5} {'errors':>6}  seconds without progress"
_PROCESSES: Final = 2  # for each way to the primary
_CLIENT: Final = {"DATABASE_POOL_MAX": "8", "DATABASE_FAILOVER_WAIT": "30", "DATABASE_COMMAND_TIMEOUT": "10"}
_numbers = count()


@dataclass(frozen=True)
class Outcome:
    """The outcome of a scenario.

    Attributes:
        writes: The number of acknowledged writes.
        lost: How many of them the database does not have.
        twice: How many downloads were done again.
        errors: The number of errors that workers got.
        stalls: For each way to the primary, the seconds without progress after each thing that was done.
        broken: The invariants that do not hold.
    """

    title: str
    writes: int
    lost: int
    twice: int
    errors: int
    stalls: dict[str, list[float]]
    broken: list[str]

    def __str__(self) -> str:
        stalls = "; ".join(
            f"{way} {' and '.join(f'{seconds:.1f}' for seconds in all_)}" for way, all_ in self.stalls.items()
        )
        return f"{self.title:52} {self.writes:6} {self.lost:5} {self.twice:5} {self.errors:6}  {stalls}"


async def run_scenario(cluster: Cluster, scenario: Scenario) -> Outcome:
    """Run a scenario on a prepared cluster, and wait until all its nodes replicate again."""
    roles = await cluster.in_step()
    urls = {BY_HAPROXY: cluster.primary_url, BY_HOSTS: cluster.url(roles.other, roles.leader, roles.standby)}
    run_number = next(_numbers)  # what an earlier crew left half done must not be in the way of this one
    async with crew_in(cluster.new_folder(f"crew-{run_number}")) as crew:
        for way, url in urls.items():
            for number in range(_PROCESSES):
                await crew.start(f"{way} {run_number}.{number}", workers=WORKERS, DATABASE_URL=url, **_CLIENT)
        run = Disturbed(cluster, crew, roles, [])
        await run.progress()
        await scenario.disturb(run)
        end = time()
        await cluster.in_step()
        broken = [f"{name} finishes" for name in await crew.finish()]
        report = crew.report()
    async with database(DatabaseUrl.parse(cluster.primary_url)):
        broken += [invariant async for invariant, holds in check(report) if not holds]
        broken += [f"{fact['worker']}: {fact['error']}" for fact in report.facts["unexpected"][:5]]
        return Outcome(
            title=scenario.title,
            writes=len(report.writes),
            lost=len(await lost(report)),
            twice=done_twice(report),
            errors=report.failures.total(),
            stalls={way: stalls(report, way, [*run.marks, end]) for way in urls},
            broken=broken,
        )


def stalls(report: Report, way: str, marks: list[float]) -> list[float]:
    """Return the longest time between two acknowledged writes after each mark but the last, which is the end."""
    times = sorted(write["at"] for write in report.writes if write["worker"].startswith(way))
    stalls = []
    for begin, end in pairwise(marks):
        before = max(at for at in times if at <= begin)
        within = [at for at in times if begin < at < end]
        stalls.append(max(later - sooner for sooner, later in pairwise([before, *within, end])))
    return stalls
