"""The private folder of the server's Unix socket."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Final

from medianest_models.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from medianest_models.embedded.account import Account

PORT: Final = 5432  # only the number in the socket's name
SOCKET: Final = f".s.PGSQL.{PORT}"
SOCKET_LOCK: Final = f"{SOCKET}.lock"


def prepare_socket_folder(folder: Path, account: Account) -> None:
    """Make the folder, or check that the one that is there is `account`'s alone, and clear it.

    Nobody must listen there any more. The server trusts whoever can reach its socket, and clients trust whoever
    listens there, so a folder that somebody else has prepared is refused.

    Raises:
        ConfigurationError: The path belongs to someone else, is open to others, or is no folder.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    state = folder.lstat()
    made_by_us = state.st_uid in {account.uid, os.geteuid()}
    if not (made_by_us and stat.S_ISDIR(state.st_mode) and stat.S_IMODE(state.st_mode) == stat.S_IRWXU):
        raise ConfigurationError(
            f"{folder} is not a private folder of the user {account.name} (owner {state.st_uid}, mode "
            f"{stat.filemode(state.st_mode)}), so the embedded PostgreSQL can't listen there: find out who "
            "made it, and remove it"
        )
    account.own(folder)
    _remove_sockets(folder)


def remove_socket_folder(folder: Path) -> None:
    """Delete the folder, with what a server that crashed has left there. None must listen there any more."""
    with contextlib.suppress(OSError):  # it is not there, or somebody else's
        _remove_sockets(folder)
        folder.rmdir()


def _remove_sockets(folder: Path) -> None:
    for name in (SOCKET, SOCKET_LOCK):
        (folder / name).unlink(missing_ok=True)
