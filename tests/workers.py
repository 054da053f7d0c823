"""The tests' use of the machine: files in memory, where there is room, and several test processes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # it has no types

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

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of a test's scheduling unit."""
        return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid)
