"""The program: it starts, restarts and kills the server and the workers, and checks the invariants afterwards."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path
from statistics import quantiles
from time import monotonic
from typing import Final

from benchmarks.server import own_server
from benchmarks.soak import worker
from benchmarks.soak.invariants import check, memory
from benchmarks.soak.journal import Report
from medianest_models.db import database
from medianest_models.db.direct import direct_connection
from medianest_models.embedded import EmbeddedServer
from medianest_models.encryption import generate_key
from medianest_models.migrate.applying import migrate
from medianest_models.models import User
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl

_USERS: Final = 200
_RUNNING: Final = "SELECT count(*) FROM youtube_downloads WHERE status = 'downloading'"


class Soak:
    """One run.

    Args:
        server: A server without data.
        folder: The folder for the journals.
        workers: The number of processes.
        seconds: The time for which they create new work.
    """

    def __init__(self, server: EmbeddedServer, folder: Path, *, workers: int, seconds: float) -> None:
        self.server = server
        self.folder = folder
        self.workers = workers
        self.seconds = seconds
        self.most_running = 0
        self.processes: list[Process] = []

    async def run(self) -> bool:
        """Run the soak test, and return whether every invariant holds."""
        os.environ["ENCRYPTION_KEYS"] = generate_key().get_secret_value()
        url = await asyncio.to_thread(self.server.start)
        os.environ["DATABASE_URL"] = url.render().get_secret_value()
        os.environ["DATABASE_POOL_MAX"] = "4"
        await self._prepare(url)
        watching = asyncio.create_task(self._watch(url))
        for number in range(self.workers):
            await self._start(f"worker-{number:02}")
        await self._disturb()
        for process in self.processes:
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*(process.wait() for process in self.processes))
        watching.cancel()
        return await self._report()

    async def _prepare(self, url: DatabaseUrl) -> None:
        await migrate(url)
        async with database(url):
            await seed()
            await User.bulk_create([User(plex_id=str(n), plex_username=f"user-{n}") for n in range(_USERS)])

    async def _start(self, name: str) -> None:
        path = self.folder / f"{name}.jsonl"
        program = ["-m", "benchmarks.soak", "--worker", name, "--journal", str(path)]
        self.processes.append(await asyncio.create_subprocess_exec(sys.executable, *program))

    async def _disturb(self) -> None:
        quarter = self.seconds / 4
        await asyncio.sleep(quarter)
        self._say("the server is stopped and started again")
        await asyncio.to_thread(self.server.stop)
        await asyncio.to_thread(self.server.start)
        await asyncio.sleep(quarter)
        self._say("the server is killed with SIGKILL, and started again")
        pid = self.server.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while self.server.status().pid is not None:  # noqa: ASYNC110 - the kernel sends no event
            await asyncio.sleep(0.01)
        await asyncio.to_thread(self.server.start)
        await asyncio.sleep(quarter)
        self._say("a worker is killed with SIGKILL, and another one takes its place")
        self.processes[0].kill()
        await self._start("worker-again")
        await asyncio.sleep(quarter)
        self._say("the workers are told to finish")

    async def _watch(self, url: DatabaseUrl) -> None:
        """Repeatedly count the running downloads."""
        while True:
            try:
                async with direct_connection(url) as connection:
                    while True:
                        self.most_running = max(self.most_running, await connection.fetchval(_RUNNING))
                        await asyncio.sleep(0.02)
            except Exception as error:  # noqa: BLE001 - the server is down for a moment
                self._say(f"(the watcher lost its connection: {type(error).__name__})")
                await asyncio.sleep(0.2)

    async def _report(self) -> bool:
        report = Report.read(self.folder.glob("*.jsonl"))
        died = [process.returncode for process in self.processes[1:] if process.returncode != 0]
        print(f"\n{'operation':32} {'number':>8} {'a second':>9} {'p50 ms':>8} {'p99 ms':>8}")
        for operation, number in sorted(report.counts.items()):
            cuts = quantiles(report.latencies[operation], n=100)
            rate = number / self.seconds
            print(f"{operation:32} {number:8} {rate:9.1f} {1000 * cuts[49]:8.2f} {1000 * cuts[98]:8.2f}")
        print(f"{'all':32} {report.counts.total():8} {report.counts.total() / self.seconds:9.1f}\n")
        for failure, number in report.failures.most_common():
            print(f"not acknowledged {number:6} x {failure}")
        for fact in report.facts["unexpected"][:5]:
            print(f"unexpected: {fact['worker']}: {fact['error']}")
        first, last = memory(report)
        print(f"\nlongest time that a worker got nothing done: {report.longest_gap:.1f} s")
        print(f"most downloads at once: {self.most_running}")
        print(f"memory of a worker: {first:.1f} MB after a quarter of the time, {last:.1f} MB at the end\n")
        verdicts = [("no worker died but the one that was killed", not died)]
        async with database():
            verdicts += [verdict async for verdict in check(report, self.most_running)]
        for invariant, holds in verdicts:
            print(f"{'ok    ' if holds else 'BROKEN'} {invariant}")
        return all(holds for _, holds in verdicts)

    def _say(self, what: str) -> None:
        print(f"{monotonic() - _STARTED:6.1f} s  {what}", flush=True)


_STARTED: Final = monotonic()


async def main() -> int:
    """Run it, and return 0 if every invariant holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--bindir", type=Path, help="PostgreSQL's programs; without it the wheel's")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker is not None:
        await worker.run(arguments.worker, arguments.journal)
        return 0
    async with own_server("soak", bindir=arguments.bindir) as (server, folder):
        soak = Soak(server, folder, workers=arguments.workers, seconds=60 * arguments.minutes)
        try:
            return 0 if await soak.run() else 1
        finally:
            for process in soak.processes:
                if process.returncode is None:
                    process.kill()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
