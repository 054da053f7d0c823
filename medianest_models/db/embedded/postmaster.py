"""The running server, found through the data folder's `postmaster.pid`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PID_FILE: Final = "postmaster.pid"
_PID_LINE, _PORT_LINE, _SOCKET_LINE, _STATE_LINE = 0, 3, 4, 7
_PROC: Final = Path("/proc")
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Postmaster:
    """A server process that is known to serve the data folder.

    Attributes:
        pid: The process.
        port: The number in the name of its socket.
        socket_folder: Where its socket is.
        is_ready: Whether it has come up and takes connections.
    """

    pid: int
    port: int
    socket_folder: Path
    is_ready: bool

    @classmethod
    def find(cls, data: Path, expected_folder: Path) -> Self | None:
        """The server of this data folder; None when none runs.

        A process number in `postmaster.pid` proves nothing, because after a crash it may have been given to
        another program. The process counts only when it is a PostgreSQL for this socket folder or in this
        data folder.

        Args:
            data: The data folder.
            expected_folder: Where this version of the package would have the server listen. The file knows
                better when the home was moved since the server started.

        Raises:
            OSError: The file can't be read.
        """
        lines = _read_lines(data)
        try:
            pid, port, folder = (
                int(lines[_PID_LINE]),
                int(lines[_PORT_LINE]),
                Path(lines[_SOCKET_LINE] or "/"),
            )
        except (ValueError, IndexError):  # missing, or not whole yet
            return None
        if not _serves(pid, data, {expected_folder, folder}):
            return None
        is_ready = len(lines) > _STATE_LINE and lines[_STATE_LINE].strip() == "ready"
        return cls(pid, port, folder, is_ready)

    @property
    def is_reachable(self) -> bool:
        """Whether something listens on the socket: its file may have been deleted under a running server."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket_folder / f".s.PGSQL.{self.port}"))
            except OSError:
                return False
        return True

    def stop(self, data: Path, *, deadline: float) -> bool:
        """Have the server end its sessions and shut down cleanly.

        Args:
            data: Its data folder.
            deadline: Until when to wait, on the monotonic clock.

        Returns:
            Whether it has ended.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        while _serves(self.pid, data, {self.socket_folder}):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def forget_dead_postmaster(data: Path) -> None:
    """Delete a `postmaster.pid` whose process is another program, because PostgreSQL would not start then.

    One whose process has ended is left to PostgreSQL, which then also looks for a crashed server's
    children. When it is deleted, PostgreSQL still finds them through the shared memory that belongs to the
    data folder.
    """
    with contextlib.suppress(ValueError, IndexError):
        if _is_alive(int(_read_lines(data)[_PID_LINE])):
            (data / _PID_FILE).unlink()


def _read_lines(data: Path) -> list[str]:
    try:
        return (data / _PID_FILE).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, data: Path, folders: set[Path]) -> bool:
    """Whether the process is the server: its command names the socket folder, or it works in the data folder.

    Every user may read a process's command, in a container too. Its working folder can be read by its own
    user only (and by root outside of a container), but it also gives away a server that was started by
    hand.
    """
    if pid <= 1 or not _is_alive(pid):
        return False
    command = _command(pid)
    if "postgres" not in command[0]:
        return False
    if any(str(folder) in command for folder in folders):
        return True
    try:
        return (_PROC / str(pid) / "cwd").samefile(data)
    except OSError:
        return False


def _command(pid: int) -> list[str]:
    """The process's program and arguments; of one that has ended, and that nobody has waited for, [""]."""
    if _PROC.is_dir():
        try:
            return os.fsdecode((_PROC / str(pid) / "cmdline").read_bytes()).split("\0")
        except OSError:
            return [""]
    listed = subprocess.run(  # noqa: S603 - a fixed command and a number
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    return listed.stdout.split() or [""]
