"""Files and folders as the child processes need them: the lock, the log, the data folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medianest_models.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_SECONDS: Final = 0.05
_DESCRIPTORS: Final = Path("/proc/self/fd")


def adopt(made: Path | int, folder: Path) -> None:
    """Give what root has just made to the owner of the folder it stands in, who can then go on using it.

    Args:
        made: A path, or an open file.
        folder: The folder.
    """
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(made, owner.st_uid, owner.st_gid)


@dataclass(frozen=True)
class OpenFolder:
    """A folder that child processes can use even where their user is not allowed into the folders above it.

    Attributes:
        name: What a command calls it. On Linux that stays true when the folder is moved or replaced.
        working_folder: Where the command has to run.
        descriptors: What it has to inherit.
    """

    name: str
    working_folder: Path
    descriptors: tuple[int, ...]


@contextlib.contextmanager
def entered(folder: Path) -> Iterator[OpenFolder]:
    """Open a folder for child processes."""
    if not _DESCRIPTORS.is_dir():
        yield OpenFolder(".", folder, ())
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield OpenFolder(f"{_DESCRIPTORS}/{descriptor}", Path("/"), (descriptor,))
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """A file to append to, made when it is not there; child processes don't inherit it.

    Args:
        path: The file; never a link, because root may write through it in somebody else's folder.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(path, flags, 0o600)
    try:
        adopt(file, path.parent)
        yield file
    finally:
        os.close(file)


@contextlib.contextmanager
def locked(path: Path, *, deadline: float) -> Iterator[None]:
    """Hold the lock on a file; it is free as soon as this process ends, however it ends.

    Args:
        path: The file.
        deadline: Until when to wait, on the monotonic clock.

    Raises:
        DatabaseUnavailableError: Another process held it all the time.
    """
    with opened(path) as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DatabaseUnavailableError(
                        f"another process has been starting or stopping the embedded PostgreSQL for too long: "
                        f"it holds {path}"
                    ) from None
                time.sleep(_POLL_SECONDS)
        yield
