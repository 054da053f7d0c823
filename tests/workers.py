"""The tests' use of the machine: files in memory, where there is room, and several test processes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # it has no types
from xdist.workermanage import WorkerController  # type: ignore[import-untyped] # for the same reason

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the place that Linux has for it
_NEEDED: Final = 8 << 30  # two test processes have at most 2.4 GB of files; the rest is for the programs

# Their tests share slow fixtures: a database with millions of rows, a browser, the results of the leaks, a cluster, the
# built site.
_TOGETHER: Final = ("tests/plans/", "tests/leaks/", "tests/browser/", "tests/cluster/", "tests/docs/test_site.py")


def folder_in_memory() -> Path | None:
    """Find a folder in memory, if the machine has one that is large enough and that programs may be started from.

    A database is a thousand files that PostgreSQL makes and deletes, and a test run makes some hundred databases: on
    a disk they take a third of the run's time.
    """
    try:
        files, memory = os.statvfs(_MEMORY), Path("/proc/meminfo").read_text()
    except OSError:
        return None
    free = re.search(r"^MemAvailable: +(\d+) kB$", memory, re.MULTILINE)
    room = min(files.f_bavail * files.f_frsize, int(free[1]) << 10 if free else 0)
    usable = os.access(_MEMORY, os.W_OK) and not files.f_flag & os.ST_NOEXEC
    return _MEMORY if usable and room >= _NEEDED else None


class Scheduler(LoadScopeScheduling):  # type: ignore[misc] # for the same reason
    """Each process takes the next test when it has finished one; folders that must stay together come first.

    (`--dist loadgroup` of pytest-xdist 3.8 does not keep groups together under pytest 9.)
    """

    def remove_node(self, node: WorkerController) -> str | None:
        """Give the tests of a process that has ended to the others, except the one that it crashed in, and return it.

        pytest-xdist 3.8 would give them all of its tests: those it has finished, which a process waits for in vain, and
        the one that crashes every process.
        """
        units = self.assigned_work[node]
        crashed = next((test for unit in units.values() for test, is_finished in unit.items() if not is_finished), None)
        if crashed is not None:
            units[self._split_scope(crashed)][crashed] = True
        self.assigned_work[node] = {scope: unit for scope, unit in units.items() if not all(unit.values())}
        super().remove_node(node)
        return crashed

    def _reschedule(self, node: WorkerController) -> None:
        """Give a process two tests, or its end: it begins a test when it knows the next one.

        A process that replaces one that crashed may be asked for before it has collected the tests.
        """
        for _ in range(2):
            if node in self.registered_collections and self._pending_of(self.assigned_work[node]) < 2:
                super()._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of a test's scheduling unit."""
        return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid)
