"""Where the tests keep their files: in memory, where there is room."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the place that Linux has for it
_NEEDED: Final = 8 << 30  # two test processes have at most 2.4 GB of files; the rest is for the programs


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
