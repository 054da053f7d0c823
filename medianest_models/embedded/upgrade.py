"""The two servers of an upgrade to another major version: the old data folder's and a new one's."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from medianest_models.embedded.folder import DATABASE, USER, locked, make_data
from medianest_models.embedded.process import PORT, Postmaster, launch, prepare_socket_folder, socket_folder
from medianest_models.embedded.programs import Account, usable_bindir
from medianest_models.embedded.server import EmbeddedServer, upgraded_folder
from medianest_models.errors import ConfigurationError
from medianest_models.settings import DatabaseUrl

_TIMEOUT: Final = 60.0


@contextmanager
def two_servers(
    server: EmbeddedServer, old_bindir: Path, old_major: int
) -> Iterator[tuple[DatabaseUrl, DatabaseUrl, Path]]:
    """Run the old data folder's server with the old programs, and an empty new one with the present programs.

    The block has to copy everything; it also gets the path of a temporary file. Sessions are ended first and nobody
    else can start a server of this home meanwhile, so no write is lost. If the block succeeds, the new data folder
    takes the place of the old one, which is kept as `pgdata.<old_major>`; otherwise the new one is deleted. If the
    process is killed, the old data stay as they were; if it is killed between the last two renames, the next start
    takes the new data.

    Raises:
        ConfigurationError: There is a folder `pgdata.<old_major>` already, or the programs can't be run.
        DatabaseUnavailableError: A server does not start or stop.
    """
    deadline = time.monotonic() + _TIMEOUT
    data, new = server.data, server.data.with_name(f"{server.data.name}.upgrading")
    kept, finished = data.with_name(f"{data.name}.{old_major}"), upgraded_folder(data)
    account = Account.for_server(server.home, data)
    with server.os_errors("upgraded"), locked(server.home / "server.lock", deadline=deadline) as lock:
        if kept.exists():
            raise ConfigurationError(f"{kept} exists, where the old data folder is to be kept: move it away")
        bindir, major = usable_bindir(server.bindir, account)
        old_bindir, _ = usable_bindir(old_bindir, account)
        for folder in (new, data):
            _stop(folder)
        _remove(finished)  # of an upgrade that was killed, like what `new` may have left
        _remove(new)
        try:
            old_url = _start(data, server.log, old_bindir, account)
            make_data(new, bindir, major, account, lock=lock, deadline=time.monotonic() + _TIMEOUT)
            log = new.with_name(f"{new.name}.log")  # a server locks its log
            yield old_url, _start(new, log, bindir, account), new.with_name(f"{new.name}.backup")
            _stop(new)
            _stop(data)
            new.rename(finished)
            _remove(new)  # its log, and the block's file
            data.rename(kept)
            finished.rename(data)
        finally:
            for folder in (new, data):
                _stop(folder)
                shutil.rmtree(_sockets(folder, account), ignore_errors=True)
            _remove(new)


def _start(data: Path, log: Path, bindir: Path, account: Account) -> DatabaseUrl:
    """Start a data folder's server, with a socket that nobody else looks for."""
    folder = _sockets(data, account)
    prepare_socket_folder(folder, account)
    launch(data, log, folder, bindir, account, deadline=time.monotonic() + _TIMEOUT)
    return DatabaseUrl(host=str(folder), port=PORT, user=USER, database=DATABASE)


def _stop(data: Path) -> None:
    """Stop a data folder's server if it runs."""
    postmaster = Postmaster.find(data, data)
    if postmaster is not None:
        postmaster.stop(deadline=time.monotonic() + _TIMEOUT)


def _remove(data: Path) -> None:
    """Delete a data folder, and everything beside it whose name begins with its name."""
    for path in data.parent.glob(f"{data.name}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _sockets(data: Path, account: Account) -> Path:
    return socket_folder(data, account.uid)
