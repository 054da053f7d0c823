"""The data folder: is it ours, and how a new one is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from medianest_models.embedded.files import OpenFolder, adopt, entered
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from medianest_models.embedded.paths import ServerPaths

DATABASE: Final = "medianest"
USER: Final = "medianest"
_LINES: Final = 8
_BUILTIN_LOCALES: Final = 17  # the first major version that needs no locale of the system for C.UTF-8


def data_version(data: Path) -> str | None:
    """The major version of the PostgreSQL that made the folder; None when there is no such folder."""
    try:
        return (data / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def check_is_data(data: Path) -> None:
    """Refuse what stands in the data folder's place and is none.

    Raises:
        ConfigurationError: There is something else.
    """
    if os.path.lexists(data) and data_version(data) is None:
        raise ConfigurationError(
            f"{data} exists and is not a data folder of PostgreSQL (it has no PG_VERSION): move it away, "
            "or set MEDIANEST_HOME to another folder"
        )


def check_version(data: Path, bindir: Path, major: int) -> None:
    """Refuse a data folder that these programs can't read.

    Raises:
        ConfigurationError: It belongs to another major version.
    """
    version = data_version(data)
    if version not in {None, str(major)}:
        raise ConfigurationError(
            f"the data folder {data} was made by PostgreSQL {version}, but {bindir} is PostgreSQL {major}: "
            f"set PG_BINDIR to the programs of PostgreSQL {version}, or move the folder away to begin "
            "with an empty database"
        )


def make_home(home: Path) -> None:
    """Make the home, and the folders above it, where they don't exist; a new home is its owner's alone."""
    if home.is_dir():
        return
    if not home.parent.is_dir():
        make_home(home.parent)
    try:
        home.mkdir(mode=0o700)
    except FileExistsError:  # another process was faster
        if not home.is_dir():
            raise
    else:
        adopt(home, home.parent)


def make_data(paths: ServerPaths, bindir: Path, major: int, *, deadline: float) -> None:
    """Make the data folder with its database, whole or not at all.

    Args:
        paths: Where; no data folder must be there.
        bindir: The programs, which its user can run.
        major: Their version.
        deadline: Until when it has to be done, on the monotonic clock.

    Raises:
        ConfigurationError: PostgreSQL can't make one for this user.
        DatabaseUnavailableError: It failed: the disk is full, say.
    """
    account = paths.account
    if not account.is_known:
        raise ConfigurationError(
            f"the user number {account.uid} has no name on this system (no entry in /etc/passwd), and "
            "PostgreSQL's initdb needs one: add an entry, run this as another user, or set DATABASE_URL"
        )
    new = paths.data.with_name(f"{paths.data.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # left by a process that was killed
    try:
        new.mkdir(mode=0o700)
        account.own(new)
        with entered(new) as folder:
            _fill(folder, paths, bindir, major, deadline)
        new.rename(paths.data)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _fill(folder: OpenFolder, paths: ServerPaths, bindir: Path, major: int, deadline: float) -> None:
    # No password: the socket's folder is closed to all but the server's user and root, and these can read the data
    # folder as well.
    initdb = ["initdb", "-D", folder.name, "-U", USER, "-A", "trust", "-E", "UTF8", "-k", *_locale(major)]
    create = ["postgres", "--single", "-D", folder.name, "-c", "exit_on_error=on", "postgres"]
    for (program, *arguments), text in ((initdb, ""), (create, f"CREATE DATABASE {DATABASE}\n")):
        timeout = max(1, deadline - time.monotonic())
        try:
            command = [str(bindir / program), *arguments]
            result = paths.account.run(command, timeout=timeout, folder=folder, text=text)
        except subprocess.TimeoutExpired:
            reason = f"it took more than {timeout:.0f} s"
        else:
            if result.returncode == 0:
                continue
            reason = "\n".join(result.stdout.strip().splitlines()[-_LINES:])
        raise DatabaseUnavailableError(f"PostgreSQL's {program} can't make {paths.data}: {reason}")


def _locale(major: int) -> list[str]:
    """C.UTF-8: the same order of texts on every machine, and upper and lower case of every alphabet."""
    if major >= _BUILTIN_LOCALES:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C" if sys.platform == "darwin" else "--locale=C.UTF-8"]
