"""The server's process and its socket: finding, launching and stopping it, in a private folder."""

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
from typing import Final, Self

from medianest_models.embedded.folder import LINES, VERSION_FILE, locked, pause
from medianest_models.embedded.programs import HAS_PROC, HERE, Account, user_name
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError

PORT: Final = 5432  # only the number in the socket's name
SOCKET: Final = f".s.PGSQL.{PORT}"
_OPTIONS: Final = (
    "-c listen_addresses= -c unix_socket_permissions=0700 -c timezone=UTC -c log_timezone=UTC "
    # The log contains neither failing statements nor their errors, because both can hold secrets.
    "-c log_min_messages=log -c log_error_verbosity=terse -c log_min_error_statement=panic"
)


@dataclass(frozen=True)
class Postmaster:
    """A running server: its process, its socket's folder, and whether it accepts connections."""

    pid: int
    socket_folder: Path
    is_ready: bool

    @classmethod
    def find(cls, data: Path, folder: Path) -> Self | None:
        """Find the running server of a data folder, or None. It listens in `folder`, unless the home was moved.

        A running server holds a file lock in the data folder. The process id in `postmaster.pid` alone proves nothing:
        after a crash it may belong to another program, and in a copied folder it is that of the original's server.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), (data / VERSION_FILE).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return cls._read(data / "postmaster.pid", folder)
        return None

    @classmethod
    def find_by_socket(cls, folder: Path) -> Self | None:
        """Find the server that listens in a folder, even if its data folder was moved."""
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
        """Return whether the process exists and, where /proc shows its command, is a server for the folder."""
        try:
            if HAS_PROC:  # another container that shares the home has other processes
                return os.fsencode(self.socket_folder) in Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
            os.kill(self.pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True

    def stop(self, *, deadline: float) -> None:
        """Make the server end its sessions and shut down, and wait until it has exited."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        while self.is_alive:
            pause(deadline, f"process {self.pid} does not stop")


def launch(data: Path, log: Path, folder: Path, bindir: Path, account: Account, *, deadline: float) -> None:
    """Start a data folder's server, which must not run; if it fails, DatabaseUnavailableError with its last output."""
    # With pg_ctl the server is not a child of our process. pg_ctl passes its arguments to a shell, so none of them may
    # be a path chosen by a user. The server inherits the locks.
    with locked(data / VERSION_FILE, deadline=deadline) as lock, locked(log, deadline=deadline) as output:
        for left in (*folder.iterdir(), data / "postmaster.pid"):  # left by a crash; PostgreSQL would trust them
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
    """Return the socket's folder for a home and user; not the home itself, as a socket's path has at most 107 bytes."""
    # The same folder for every process: $TMPDIR and $XDG_RUNTIME_DIR differ between a login, `sudo` and a service.
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    return Path(f"/tmp/medianest-{uid}-{digest}")  # noqa: S108 - its owner and mode are checked before every use


def prepare_socket_folder(folder: Path, account: Account) -> None:
    """Create the folder; raise a ConfigurationError if it exists and is not private to the account.

    The server trusts every client that can reach its socket, and clients trust the process that listens there.
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
