"""One run of the soak test."""

from __future__ import annotations

import asyncio
import os
from statistics import quantiles
from time import monotonic
from typing import Final

from benchmarks.soak.crew import Crew, prepare
from benchmarks.soak.disturbances import Disturbance
from benchmarks.soak.invariants import check, check_processes, memory
from medianest_models.db import database
from medianest_models.db.direct import direct_connection
from medianest_models.settings import DatabaseUrl

_RUNNING: Final = "SELECT count(*) FROM youtube_downloads WHERE status = 'downloading'"


class Soak:
    """One run.

    Args:
        crew: A crew without processes.
        url: A database without tables.
        disturbances: The disturbances, which are spread over the time.
        seconds: The time for which the workers create new work.
    """

    def __init__(self, crew: Crew, url: DatabaseUrl, disturbances: list[Disturbance], *, seconds: float) -> None:
        self._crew = crew
        self._url = url
        self._disturbances = disturbances
        self._seconds = seconds
        self._most_running = 0
        self._started = monotonic()

    async def run(self, workers: int) -> bool:
        """Run the soak test with a number of processes, and return whether every invariant holds."""
        os.environ["DATABASE_URL"] = self._url.render().get_secret_value()
        os.environ["DATABASE_POOL_MAX"] = "4"
        await prepare(self._url)
        watching = asyncio.create_task(self._watch())
        for number in range(workers):
            await self._crew.start(f"worker-{number:02}")
        part = self._seconds / (len(self._disturbances) + 1)
        for announcement, disturb in self._disturbances:
            await asyncio.sleep(part)
            self._say(announcement)
            await disturb()
        await asyncio.sleep(part)
        self._say("the workers are told to finish")
        died = await self._crew.finish()
        watching.cancel()
        return await self._report(died)

    async def _watch(self) -> None:
        """Repeatedly count the running downloads."""
        while True:
            try:
                async with direct_connection(self._url) as connection:
                    while True:
                        self._most_running = max(self._most_running, await connection.fetchval(_RUNNING))
                        await asyncio.sleep(0.02)
            except Exception as error:  # noqa: BLE001 - the server is down for a moment
                self._say(f"(the watcher lost its connection: {type(error).__name__})")
                await asyncio.sleep(0.2)

    async def _report(self, died: list[str]) -> bool:
        report = self._crew.report()
        print(f"\n{'operation':32} {'number':>8} {'a second':>9} {'p50 ms':>8} {'p99 ms':>8}")
        for operation, number in sorted(report.counts.items()):
            cuts = quantiles(report.latencies[operation], n=100)
            rate = number / self._seconds
            print(f"{operation:32} {number:8} {rate:9.1f} {1000 * cuts[49]:8.2f} {1000 * cuts[98]:8.2f}")
        print(f"{'all':32} {report.counts.total():8} {report.counts.total() / self._seconds:9.1f}\n")
        for failure, number in report.failures.most_common():
            print(f"not acknowledged {number:6} x {failure}")
        for fact in report.facts["unexpected"][:5]:
            print(f"unexpected: {fact['worker']}: {fact['error']}")
        first, last = memory(report)
        print(f"\nlongest time that a worker got nothing done: {report.longest_gap:.1f} s")
        print(f"most downloads at once: {self._most_running}")
        print(f"memory of a worker: {first:.1f} MB after a quarter of the time, {last:.1f} MB at the end\n")
        verdicts = [("no worker died but the one that was killed", not died)]
        async with database():
            verdicts += [verdict async for verdict in check(report)]
        verdicts += check_processes(report, self._most_running)
        for invariant, holds in verdicts:
            print(f"{'ok    ' if holds else 'BROKEN'} {invariant}")
        return all(holds for _, holds in verdicts)

    def _say(self, what: str) -> None:
        print(f"{monotonic() - self._started:6.1f} s  {what}", flush=True)
