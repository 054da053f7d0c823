"""The processes below a folder: whoever works there, or below, belongs to the cluster."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_CHECKOUT: Final = Path(__file__).parents[2]


def processes_in(folder: Path) -> list[int]:
    """Find the processes whose working directory is the folder or below; a PostgreSQL's is its data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended meanwhile, or is another user's
                if (entry / "cwd").readlink().is_relative_to(folder):
                    found.append(int(entry.name))
    return found


def signal_all(folder: Path, number: signal.Signals) -> None:
    """Send a signal to each process in the folder."""
    for process in processes_in(folder):
        with suppress(ProcessLookupError):
            os.kill(process, number)


def kill_all(folder: Path) -> None:
    """Kill the processes in the folder, and those that they start meanwhile, until there is none."""
    while processes_in(folder):
        signal_all(folder, signal.SIGKILL)
        time.sleep(0.02)


def _sweep(folder: Path) -> None:
    kill_all(folder)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def swept_at_the_end(folder: Path) -> Iterator[None]:
    """Kill the processes in the folder at the end and delete it, even if this process is killed."""
    command = [sys.executable, "-m", "examples.cluster.processes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, cwd=_CHECKOUT, text=True) as guard:
        assert guard.stdin is not None
        guard.stdin.write(str(folder))
        guard.stdin.flush()
        try:
            yield  # the guard reads from a pipe that only this process holds open
        finally:
            _sweep(folder)
            guard.kill()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _sweep(Path(sys.stdin.read()))
