"""The CPU time of the database server."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


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
