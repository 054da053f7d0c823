"""The operating-system user that the embedded server runs as."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from medianest_models.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medianest_models.embedded.files import OpenFolder

_ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""What PostgreSQL's programs see: no PG* variable and no locale of the caller can change what they do."""


@dataclass(frozen=True)
class Account:
    """A user who may run PostgreSQL, which refuses to run as root.

    Attributes:
        uid: The user's number.
        gid: The number of the user's group.
        borrowed: Whether this process is root, so that the user is another one.
    """

    uid: int
    gid: int
    borrowed: bool

    @classmethod
    def for_server(cls, *, home: Path, data: Path) -> Self:
        """The user of the server whose data is, or will be, in `data`.

        An ordinary user runs the server alone. Root takes the owner of an existing data folder. For a new
        one it takes the owner of `home`, or of the nearest folder above it that exists, so that `sudo` in
        somebody's checkout leaves a server which that person can go on using; and `nobody` where that owner
        is root or unknown.

        Raises:
            ConfigurationError: The data folder belongs to a user whose server this process can't run.
        """
        uid = os.geteuid()
        owner = data.stat() if data.is_dir() else None
        if uid != 0:
            if owner is not None and owner.st_uid != uid:
                raise ConfigurationError(
                    f"the data folder {data} belongs to the user {_name(owner.st_uid)}, not to {_name(uid)}: "
                    "run this as that user or as root, or set MEDIANEST_HOME to another folder"
                )
            return cls(uid, os.getegid(), borrowed=False)
        if owner is None or not (data / "PG_VERSION").exists():
            nearest = next(folder for folder in (home, *home.parents) if folder.exists())
            entry = _entry(nearest.stat().st_uid)
            return cls(entry.pw_uid, entry.pw_gid, borrowed=True)
        if owner.st_uid == 0:
            raise ConfigurationError(
                f"the data folder {data} belongs to root, and PostgreSQL refuses to run as root: "
                "move it away, or set MEDIANEST_HOME to another folder"
            )
        return cls(owner.st_uid, owner.st_gid, borrowed=True)

    @property
    def name(self) -> str:
        """The user's name, or the number where the system knows no name."""
        return _name(self.uid)

    @property
    def is_known(self) -> bool:
        """Whether the system has an entry for the user; initdb needs one, a running server does not."""
        return self.name != str(self.uid)

    def own(self, path: Path) -> None:
        """Give a file or folder that root has just made to this user."""
        if self.borrowed:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(
        self,
        command: Sequence[str],
        *,
        timeout: float,
        folder: OpenFolder | None = None,
        output: int = subprocess.PIPE,
        text: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, in a session of its own, and wait for it.

        Args:
            command: The program's path and its arguments; no shell reads them.
            timeout: Seconds after which the program and its children are killed.
            folder: A folder that the command names.
            output: Where stdout and stderr go together; by default into the result.
            text: What the program reads from stdin.

        Raises:
            OSError: The program can't be run as this user.
            subprocess.TimeoutExpired: It did not end in time.
        """
        with subprocess.Popen(  # noqa: S603 - the programs are PostgreSQL's own, the arguments ours
            command,
            cwd=folder.working_folder if folder else "/",
            pass_fds=folder.descriptors if folder else (),
            env=_ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            user=self.uid if self.borrowed else None,
            group=self.gid if self.borrowed else None,
            extra_groups=[] if self.borrowed else None,
        ) as process:
            try:
                out, _ = process.communicate(text, timeout)
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
            return subprocess.CompletedProcess(command, process.returncode, out)


def _entry(uid: int) -> pwd.struct_passwd:
    """The system's entry for the user; for root, or for a number without an entry, the one for `nobody`."""
    if uid != 0:
        try:
            return pwd.getpwuid(uid)
        except KeyError:
            pass
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise ConfigurationError(
            "PostgreSQL refuses to run as root, and this system has no user `nobody` to run it as: "
            "run this as an ordinary user, or set DATABASE_URL"
        ) from None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
