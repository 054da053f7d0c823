"""The data folder: checking it, creating it, and locking files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medianest_models.embedded.programs import HERE, Account
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError

DATABASE: Final = "medianest"
USER: Final = "medianest"
VERSION_FILE: Final = "PG_VERSION"
LINES: Final = 8  # lines of a program's output in an error
_POLL_SECONDS: Final = 0.02
_BUILTIN_LOCALES: Final = 17  # the first major version that needs no locale of the system for C.UTF-8


def data_version(data: Path) -> str | None:
    """Read the major version of the PostgreSQL that made the folder; None when there is no such folder."""
    try:
        return (data / VERSION_FILE).read_text(encoding="ascii", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def check_data(data: Path, bindir: Path, major: int) -> None:
    """Raise a ConfigurationError unless it is a data folder of these programs' major version."""
    version = data_version(data)
    if version is None and os.path.lexists(data):
        raise ConfigurationError(
            f"{data} exists and is not a data folder of PostgreSQL (it has no PG_VERSION): move it away, "
            "or set MEDIANEST_HOME to another folder"
        )
    if version not in {None, str(major)}:
        is_older = version is not None and version.isdecimal() and int(version) < major
        raise ConfigurationError(
            f"the data folder {data} was made by PostgreSQL {version}, but {bindir} is PostgreSQL {major}: "
            + (f"run `medianest db upgrade` to bring it to {major}, " if is_older else "")
            + f"set PG_BINDIR to the programs of PostgreSQL {version}, or move the folder away to begin "
            "with an empty database"
        )


def make_data(data: Path, bindir: Path, major: int, account: Account, *, lock: int, deadline: float) -> None:
    """Create the data folder and its database, or neither: a DatabaseUnavailableError if the disk is full.

    The programs inherit the lock: if this process is killed, the next one waits for them.
    """
    maker = account.for_initdb()
    closed = data.with_name(f"{data.name}.new")  # other users can't enter it
    new = closed / data.name
    # No password: only the server's user and root can enter the socket's folder, and both can read the data folder too.
    # C.UTF-8 sorts the same on every machine, and maps upper and lower case in every alphabet.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    if major < _BUILTIN_LOCALES:
        locale = ["--locale=C" if sys.platform == "darwin" else "--locale=C.UTF-8"]
    initdb = ["initdb", "-D", HERE, "-U", USER, "-A", "trust", "-E", "UTF8", "-k", *locale]
    create = ["postgres", "--single", "-D", HERE, "-c", "exit_on_error=on", "postgres"]
    shutil.rmtree(closed, ignore_errors=True)  # left by a process that was killed
    closed.mkdir(mode=0o700)
    try:
        new.mkdir(mode=0o700)
        maker.own(new)
        for (program, *arguments), text in ((initdb, ""), (create, f"CREATE DATABASE {DATABASE}\n")):
            seconds = deadline - time.monotonic()
            result = maker.run(
                str(bindir / program), *arguments, folder=new, input=text, timeout=seconds, pass_fds=(lock,)
            )
            if result.returncode != 0:
                reason = "\n".join(result.stdout.strip().splitlines()[-LINES:])
                raise DatabaseUnavailableError(f"PostgreSQL's {program} can't make {data}: {reason}")
        account.own(new)
        new.rename(data)
    finally:
        shutil.rmtree(closed, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path, *, deadline: float) -> Iterator[int]:
    """Open a file for appending, create it if needed, and lock it until every process that inherits it has ended."""
    # No symbolic links: root might follow one in another user's home.
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            pause(deadline, f"another process has been starting or stopping it for too long: it holds {path}")
        yield file
    finally:
        os.close(file)


def pause(deadline: float, problem: str) -> None:
    """Sleep briefly; raise TimeoutError with `problem` if the deadline, on the monotonic clock, has passed."""
    if time.monotonic() > deadline:
        raise TimeoutError(problem)
    time.sleep(_POLL_SECONDS)
