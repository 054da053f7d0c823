"""The data folder: is it ours, and how a new one is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from medianest_models.db.embedded.account import adopt
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from medianest_models.db.embedded.account import Account

DATABASE: Final = "medianest"
USER: Final = "medianest"
_BUILTIN_LOCALES: Final = 17  # the first major version that needs no locale of the system for C.UTF-8


def data_version(data: Path) -> str | None:
    """The major version of the PostgreSQL that made the folder; None when there is no such folder."""
    try:
        return (data / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def check_data(data: Path, bindir: Path, major: int) -> None:
    """Refuse a folder that these programs must not touch.

    Raises:
        ConfigurationError: It is no data folder of PostgreSQL, or another major version's.
    """
    if not os.path.lexists(data):
        return
    version = data_version(data)
    if version is None:
        raise ConfigurationError(
            f"{data} exists and is not a data folder of PostgreSQL (it has no PG_VERSION): move it away, "
            "or set MEDIANEST_HOME to another folder"
        )
    if version != str(major):
        raise ConfigurationError(
            f"the data folder {data} was made by PostgreSQL {version}, but {bindir} is PostgreSQL {major}: "
            f"set PG_BINDIR to the programs of PostgreSQL {version}, or move the folder away to begin with an "
            "empty database"
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


def make_data(data: Path, bindir: Path, major: int, account: Account, *, timeout: float) -> None:
    """Make the data folder with its database, whole or not at all.

    Args:
        data: Where; nothing must be there.
        bindir: The programs, which `account` can run.
        major: Their version.
        account: The user who will own the folder.
        timeout: Seconds.

    Raises:
        ConfigurationError: PostgreSQL can't make one for this user.
        DatabaseUnavailableError: It failed: the disk is full, say.
    """
    if not account.is_known:
        raise ConfigurationError(
            f"the user number {account.uid} has no name on this system (no entry in /etc/passwd), and "
            "PostgreSQL's initdb needs one: add an entry, run this as another user, or set DATABASE_URL"
        )
    new = data.with_name(f"{data.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # left by a process that was killed
    try:
        new.mkdir(mode=0o700)
        account.own(new)
        _run_initdb(new, bindir, major, account, timeout)
        new.rename(data)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _run_initdb(new: Path, bindir: Path, major: int, account: Account, timeout: float) -> None:
    # Without a password: the socket's folder is closed to everyone but the server's user (and root), who
    # could as well read the data folder itself.
    initdb = [
        str(bindir / "initdb"),
        "-D",
        account.here,
        "-U",
        USER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "-k",
        "--no-instructions",
    ]
    single = [str(bindir / "postgres"), "--single", "-D", account.here, "postgres"]
    try:
        for command, text in (([*initdb, *_locale(major)], ""), (single, f"CREATE DATABASE {DATABASE}\n")):
            result = account.run(command, folder=new, timeout=timeout, text=text)
            if result.returncode != 0:
                lines = "\n".join(result.stdout.strip().splitlines()[-8:])
                raise DatabaseUnavailableError(
                    f"PostgreSQL can't make a data folder in {new.parent}:\n{lines}"
                )
    except subprocess.TimeoutExpired:
        raise DatabaseUnavailableError(
            f"PostgreSQL did not finish making a data folder in {new.parent} within {timeout:.0f} s"
        ) from None


def _locale(major: int) -> list[str]:
    """C.UTF-8: the same order of texts on every machine, and upper and lower case of every alphabet."""
    if major >= _BUILTIN_LOCALES:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C" if sys.platform == "darwin" else "--locale=C.UTF-8"]
