"""The server's process: find it, launch it, stop it, and the private folder of its socket."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import signal
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from medianest_models.embedded.folder import LINES, VERSION_FILE, locked, pause
from medianest_models.embedded.programs import HAS_PROC, HERE, user_name
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError

if TYPE_CHECKING:
    from medianest_models.embedded.programs import Account

PORT: Final = 5432  # only the number in the socket's name
SOCKET: Final = f".s.PGSQL.{PORT}"
_OPTIONS: Final = (
    "-c listen_addresses= -c unix_socket_permissions=0700 -c timezone=UTC -c log_timezone=UTC "
    # Neither a failing statement nor what was wrong with it gets into the log: both can hold secrets.
    "-c log_min_messages=log -c log_error_verbosity=terse -c log_min_error_statement=panic"
)


@dataclass(frozen=True)
class Postmaster:
    """A running server: its process, where it listens, and whether it has come up and takes connections."""

    pid: int
    socket_folder: Path
    is_ready: bool

    @classmethod
    def find(cls, data: Path, folder: Path) -> Self | None:
        """Find the server of a data folder; None when none runs. It listens in `folder`, unless the home was moved.

        It holds the lock on a file there. The number in `postmaster.pid` alone proves nothing: after a crash it may be
        another program's, and in a copy of the folder it is that of the original's server.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), (data / VERSION_FILE).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return cls._read(data / "postmaster.pid", folder)
        return None

    @classmethod
    def find_by_socket(cls, folder: Path) -> Self | None:
        """Find the server that listens in a folder, whether or not its data folder is where it was."""
        return cls._read(folder / f"{SOCKET}.lock", folder) if HAS_PROC else None

    @classmethod
    def _read(cls, file: Path, folder: Path) -> Self | None:
        try:
            pid, _, _, _, listens_in, *rest = os.fsdecode(file.read_bytes()).splitlines()
            postmaster = cls(int(pid), Path(listens_in or folder), [line.strip() for line in rest[2:]] == ["ready"])
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return postmaster if postmaster.is_alive else None

    @property
    def is_alive(self) -> bool:
        """Whether there is such a process and, where /proc says so, its command is a server's for the folder."""
        try:
            if HAS_PROC:  # a container that shares the home has other processes
                return os.fsencode(self.socket_folder) in Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
            os.kill(self.pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True

    def stop(self, *, deadline: float) -> None:
        """Have the server end its sessions and shut down, and wait for its end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        while self.is_alive:
            pause(deadline, f"process {self.pid} does not stop")


def launch(data: Path, log: Path, folder: Path, bindir: Path, account: Account, *, deadline: float) -> None:
    """Start a data folder's server, which must not run; DatabaseUnavailableError with its last words if it fails."""
    # pg_ctl makes the server a child of no process of ours. It hands its arguments to a shell, so none of them is a
    # path that somebody has chosen. The server inherits the locks.
    with locked(data / VERSION_FILE, deadline=deadline) as lock, locked(log, deadline=deadline) as output:
        for left in (*folder.iterdir(), data / "postmaster.pid"):  # by a crash; PostgreSQL would believe it
            left.unlink(missing_ok=True)
        seconds = max(1, int(deadline - time.monotonic()))
        command = [str(bindir / "pg_ctl"), "-D", HERE, "-w", "-t", str(seconds), "start"]
        options = ["-o", f"-k {folder} -p {PORT} {_OPTIONS}"]
        result = account.run(*command, *options, folder=data, timeout=seconds + 1, stdout=output, pass_fds=(lock,))
        if result.returncode != 0:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:])
            problem = f"the embedded PostgreSQL in {data.parent} does not start; its log is {log}\n{last}"
            raise DatabaseUnavailableError(problem)


def socket_folder(home: Path, uid: int) -> Path:
    """Choose where the server of a home and user listens; a socket's path has 107 bytes, so a home may be too long."""
    # Every process finds the same one: $TMPDIR and $XDG_RUNTIME_DIR differ between a login, `sudo` and a service.
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    return Path(f"/tmp/medianest-{uid}-{digest}")  # noqa: S108 - its owner and mode are checked before every use


def prepare_socket_folder(folder: Path, account: Account) -> None:
    """Make the folder; a ConfigurationError refuses one that is not the account's alone.

    The server trusts whoever can reach its socket, and clients trust whoever listens there.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        account.own(folder)
    state = folder.lstat()
    if state.st_uid != account.uid or state.st_mode != stat.S_IFDIR | stat.S_IRWXU:
        raise ConfigurationError(
            f"{folder} is not a private folder of the user {user_name(account.uid)} (owner {state.st_uid}, mode "
            f"{stat.filemode(state.st_mode)}), so the embedded PostgreSQL can't listen there: find out who "
            "made it, and remove it"
        )
