"""How much memory this process holds."""

from __future__ import annotations

import resource
from pathlib import Path


def resident_kilobytes() -> int:
    """Kilobytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024
