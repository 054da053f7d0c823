"""A PostgreSQL server of the benchmark's own, a connection past the package, and the server's CPU time."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from medianest_models.embedded import EmbeddedServer, embedded_server
from medianest_models.settings import DatabaseUrl, Settings


@asynccontextmanager
async def own_server(name: str, *, bindir: Path | None = None) -> AsyncIterator[tuple[EmbeddedServer, Path]]:
    """Provide a server without data, and the temporary folder that holds it; stop and remove it at the end.

    Args:
        name: A part of the folder's name.
        bindir: PostgreSQL's programs; None for the wheel's.
    """
    with tempfile.TemporaryDirectory(prefix=f"medianest-{name}-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - the server may run as another user
        server = embedded_server(Settings(medianest_home=Path(folder) / "home", pg_bindir=bindir))
        try:
            yield server, Path(folder)
        finally:
            await asyncio.to_thread(server.stop)


async def connect(url: DatabaseUrl) -> asyncpg.Connection[Any]:
    """Open the benchmark's own connection."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(**url.connect_arguments())
    return connection


class ServerProcesses:
    """All processes of a PostgreSQL server on this machine.

    Args:
        backend: The process id of one of its sessions.
    """

    def __init__(self, backend: int) -> None:
        stat = Path(f"/proc/{backend}/stat").read_text()
        self._postmaster = int(stat.rpartition(")")[2].split()[1])
        self._used: dict[str, int] = {}
        self._nanoseconds = 0

    def cpu_seconds(self) -> float:
        """Return the CPU time of all processes, including ended ones up to their last measurement."""
        place = Path("/proc")
        children = (place / f"{self._postmaster}/task/{self._postmaster}/children").read_text().split()
        used = {}
        for process in (str(self._postmaster), *children):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                used[process] = int((place / process / "schedstat").read_text().split()[0])
        self._nanoseconds += sum(max(now - self._used.get(process, 0), 0) for process, now in used.items())
        self._used = used
        return self._nanoseconds / 1e9
