"""The worker processes of a run: starting them, killing them, and reading their journals."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks.soak.journal import Report, last_write
from medianest_models.db import database
from medianest_models.migrate.applying import migrate
from medianest_models.models import User
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl

_CHECKOUT: Final = Path(__file__).parents[2]
_USERS: Final = 200
_FINISHING: Final = 180.0
"""The most seconds for the work that remains."""


async def prepare(url: DatabaseUrl) -> None:
    """Make the tables, and the users whose work it is."""
    await migrate(url)
    async with database(url):
        await seed()
        await User.bulk_create([User(plex_id=str(n), plex_username=f"user-{n}") for n in range(_USERS)])


class Crew:
    """The processes.

    Args:
        folder: The folder of the journals, and the processes' working directory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[str, Process] = {}

    @property
    def names(self) -> list[str]:
        """The processes that were started and not killed."""
        return list(self._processes)

    @property
    def ended(self) -> list[str]:
        """The processes that were not killed and have ended."""
        return [name for name, process in self._processes.items() if process.returncode is not None]

    async def start(self, name: str, *, workers: int = 1, **environment: str) -> None:
        """Start a process with some workers, and with variables beside those of this one."""
        program = ["-m", "benchmarks.soak", "--worker", name, "--journal", str(self._journal(name))]
        self._processes[name] = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            f"--workers={workers}",
            cwd=self._folder,
            env=os.environ | environment | {"PYTHONPATH": str(_CHECKOUT)},
        )

    async def kill(self, name: str) -> None:
        """Kill a process with SIGKILL; its journal stays."""
        process = self._processes.pop(name)
        process.kill()
        await process.wait()

    async def finish(self) -> list[str]:
        """Let all finish their work, and return the names of those that died or did not finish within minutes."""
        for process in self._processes.values():
            if process.returncode is None:
                process.terminate()
        ending = [asyncio.create_task(process.wait()) for process in self._processes.values()]
        if ending:
            await asyncio.wait(ending, timeout=_FINISHING)
        return [name for name, process in self._processes.items() if process.returncode != 0]

    async def end(self) -> None:
        """Kill the processes that still run."""
        for process in self._processes.values():
            if process.returncode is None:
                process.kill()
            await process.wait()

    def last_write(self, name: str) -> float:
        """Return the time of a process's last acknowledged write; 0 before the first."""
        return last_write(self._journal(name))

    def report(self) -> Report:
        """Read all journals."""
        return Report.read(self._folder.glob("*.jsonl"))

    def _journal(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"


@asynccontextmanager
async def crew_in(folder: Path) -> AsyncIterator[Crew]:
    """Provide a crew of which no process is left at the end."""
    crew = Crew(folder)
    try:
        yield crew
    finally:
        await crew.end()
