"""The data folder: whether it is ours, and how a new one is made. The locks on files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Final

from medianest_models.embedded.programs import HERE
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medianest_models.embedded.programs import Account

DATABASE: Final = "medianest"
USER: Final = "medianest"
VERSION_FILE: Final = "PG_VERSION"
LINES: Final = 8  # of what a program wrote, that go into an error
_POLL_SECONDS: Final = 0.02
_BUILTIN_LOCALES: Final = 17  # the first major version that needs no locale of the system for C.UTF-8


def data_version(data: Path) -> str | None:
    """Read the major version of the PostgreSQL that made the folder; None when there is no such folder."""
    try:
        return (data / VERSION_FILE).read_text(encoding="ascii", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def check_data(data: Path, bindir: Path, major: int) -> None:
    """Refuse, with a ConfigurationError, what is no data folder or not one of these programs' major version."""
    version = data_version(data)
    if version is None and os.path.lexists(data):
        raise ConfigurationError(
            f"{data} exists and is not a data folder of PostgreSQL (it has no PG_VERSION): move it away, "
            "or set MEDIANEST_HOME to another folder"
        )
    if version not in {None, str(major)}:
        raise ConfigurationError(
            f"the data folder {data} was made by PostgreSQL {version}, but {bindir} is PostgreSQL {major}: "
            f"set PG_BINDIR to the programs of PostgreSQL {version}, or move the folder away to begin "
            "with an empty database"
        )


def make_data(data: Path, bindir: Path, major: int, account: Account, *, lock: int, deadline: float) -> None:
    """Make the data folder with its database, whole or not at all: DatabaseUnavailableError if the disk is full.

    The programs hold the lock too: should this process be killed, the next one waits for them.
    """
    maker = account.for_initdb()
    closed = data.with_name(f"{data.name}.new")  # other users can't enter it
    new = closed / data.name
    # No password: who can enter the socket's folder, the server's user and root, can read the data folder as well.
    # C.UTF-8 gives the same order of texts on every machine, and upper and lower case of every alphabet.
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
    """Open a file to append to, made if need be, and lock it until all processes that inherit it have ended."""
    # No links: root might follow one in another user's home.
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
    """Wait a moment, or raise TimeoutError with the problem when the deadline, on the monotonic clock, is over."""
    if time.monotonic() > deadline:
        raise TimeoutError(problem)
    time.sleep(_POLL_SECONDS)
