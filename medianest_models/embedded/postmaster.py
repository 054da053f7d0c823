"""The server's process: find it through the data folder's `postmaster.pid`, launch it, stop it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from medianest_models.embedded.files import entered, opened
from medianest_models.embedded.sockets import PORT, SOCKET, SOCKET_LOCK, prepare_socket_folder

if TYPE_CHECKING:
    from medianest_models.embedded.paths import ServerPaths

POLL_SECONDS: Final = 0.02
_PID_FILE: Final = "postmaster.pid"
_SOCKET_LINE, _STATE_LINE = 4, 7
_PROGRAM: Final = "postgres"
_PROC: Final = Path("/proc")
_TIMEOUT: Final = 10.0
_LOG_LINES: Final = 8
_OPTIONS: Final = (
    "-c listen_addresses= -c unix_socket_permissions=0700 -c timezone=UTC -c log_timezone=UTC "
    # Neither a failing statement nor the row that a constraint refused gets into the log: they can hold secrets.
    "-c log_error_verbosity=terse -c log_min_error_statement=panic"
)


@dataclass(frozen=True)
class Postmaster:
    """A server process that is known to serve the data folder.

    Attributes:
        pid: The process.
        socket_folder: Where it listens.
        is_ready: Whether it has come up and takes connections.
        is_orphan: Whether its data folder is no longer where it was.
    """

    pid: int
    socket_folder: Path
    is_ready: bool
    is_orphan: bool = False

    @classmethod
    def find(cls, paths: ServerPaths) -> Self | None:
        """The server of the data folder; None when none runs.

        A process number in `postmaster.pid` proves nothing: after a crash it may have been given to another
        program, and in a copy of the folder it is that of the original's server.

        Raises:
            OSError: The file can't be read.
        """
        lines = _read_lines(paths.data / _PID_FILE)
        pid = _pid(lines)
        if pid is None or not _serves(pid, paths):
            return None
        is_ready = [line.strip() for line in lines[_STATE_LINE:]] == ["ready"]
        # When the home was moved under the running server, the file knows where it listens.
        return cls(pid, Path(lines[_SOCKET_LINE]) if is_ready else paths.socket_folder, is_ready)

    @classmethod
    def find_orphan(cls, paths: ServerPaths) -> Self | None:
        """The server that listens where the data folder's should, but whose own folder was deleted, moved or replaced.

        It would end by itself within a minute, but until then it keeps another server from starting there.
        """
        pid = _pid(_read_lines(paths.socket_folder / SOCKET_LOCK))
        if pid is None or not _listens(_command(pid), paths):
            return None
        return cls(pid, paths.socket_folder, is_ready=False, is_orphan=True)

    @property
    def is_reachable(self) -> bool:
        """Whether the server listens on its socket; not so when the socket's file was deleted."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(0)
            try:
                client.connect(str(self.socket_folder / SOCKET))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except BlockingIOError:  # it listens, and has many to answer
                return True
        return True

    def stop(self, *, deadline: float) -> bool:
        """Have the server end its sessions and shut down, cleanly unless it is an orphan.

        An orphan must not write a last checkpoint: it could go into the folder that stands in its folder's paths.

        Args:
            deadline: Until when to wait, on the monotonic clock.

        Returns:
            Whether it has ended.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGQUIT if self.is_orphan else signal.SIGINT)
        while _PROGRAM in _command(self.pid)[0]:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


def launch(paths: ServerPaths, bindir: Path, *, deadline: float) -> str | None:
    """Start the server and wait until it takes connections. None must run.

    Args:
        paths: Where.
        bindir: The programs, which its user can run.
        deadline: Until when to wait, on the monotonic clock.

    Returns:
        None when it runs; otherwise the last lines it logged.

    Raises:
        ConfigurationError: The socket's folder is not safe to use.
        OSError: A file can't be made, or the programs can't be run.
    """
    prepare_socket_folder(paths.socket_folder, paths.account)
    _forget_foreign_process(paths)
    seconds = max(1, int(deadline - time.monotonic()))
    # pg_ctl makes the server a child of no process of ours. It hands its arguments to a shell, so none of them is a
    # path that somebody has chosen: the log and the data folder are inherited.
    with opened(paths.log) as output, entered(paths.data) as folder:
        begin = os.fstat(output).st_size
        command = [
            *(str(bindir / "pg_ctl"), "-D", folder.name, "-w", "-t", str(seconds)),
            *("-o", f"-k {paths.socket_folder} -p {PORT} {_OPTIONS}", "start"),
        ]
        with contextlib.suppress(subprocess.TimeoutExpired):
            result = paths.account.run(command, timeout=seconds, folder=folder, output=output)
            if result.returncode == 0:
                return None
        text = os.pread(output, os.fstat(output).st_size - begin, begin).decode(errors="replace")
    return "\n".join(text.splitlines()[-_LOG_LINES:])


def _forget_foreign_process(paths: ServerPaths) -> None:
    """Delete a `postmaster.pid` with which PostgreSQL would not start: cut short, or naming another program.

    One that names a process which has ended is left to PostgreSQL, which then also looks for the children of a
    crashed server; without the file it still finds them, by the shared memory that belongs to the data folder.
    """
    file = paths.data / _PID_FILE
    pid = _pid(_read_lines(file))
    if pid is None or (_is_alive(pid) and not _serves(pid, paths)):
        file.unlink(missing_ok=True)


def _read_lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def _pid(lines: list[str]) -> int | None:
    try:
        return abs(int(lines[0])) or None  # negative: a server in single-user mode
    except (ValueError, IndexError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, paths: ServerPaths) -> bool:
    """Whether the process is the data folder's server.

    It is when it works in the data folder. Root in a container may not see that of another user's process, so it
    asks as that user. Without /proc the process's command has to do.
    """
    command = _command(pid)
    if _PROGRAM not in command[0]:
        return False
    if not _PROC.is_dir():
        return _listens(command, paths)
    try:
        return (_PROC / str(pid) / "cwd").samefile(paths.data)
    except FileNotFoundError:  # one of both has gone
        return False
    except PermissionError:
        with entered(paths.data) as folder:
            comparison = ["/bin/sh", "-c", '[ "$0" -ef "$1" ]', f"/proc/{pid}/cwd", folder.name]
            return paths.account.run(comparison, timeout=_TIMEOUT, folder=folder).returncode == 0


def _listens(command: list[str], paths: ServerPaths) -> bool:
    """Whether this is the command of a server that listens where this place's server does."""
    return _PROGRAM in command[0] and str(paths.socket_folder) in command


def _command(pid: int) -> list[str]:
    """The process's program and arguments; [""] when it has ended."""
    if _PROC.is_dir():
        try:
            return os.fsdecode((_PROC / str(pid) / "cmdline").read_bytes()).split("\0")
        except OSError:
            return [""]
    listed = subprocess.run(  # noqa: S603 - a fixed command and a number
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    return listed.stdout.split() or [""]
