"""The embedded server: start it, stop it, say where it is."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medianest_models.embedded.account import Account
from medianest_models.embedded.binaries import find_bindir, usable_bindir
from medianest_models.embedded.data_folder import (
    DATABASE,
    USER,
    check_is_data,
    check_version,
    data_version,
    make_data,
    make_home,
)
from medianest_models.embedded.files import locked
from medianest_models.embedded.paths import ServerPaths
from medianest_models.embedded.postmaster import POLL_SECONDS, Postmaster, launch
from medianest_models.embedded.sockets import PORT, remove_socket_folder
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medianest_models.settings import Settings

_TIMEOUT: Final = 60.0


@dataclass(frozen=True)
class ServerStatus:
    """What runs in a home.

    Attributes:
        pid: The server's process; None when it does not run.
        version: The major version of the data folder, such as "18"; None when there is none yet.
        url: Where the database is, or will be once the server runs.
    """

    pid: int | None
    version: str | None
    url: DatabaseUrl


@dataclass(frozen=True)
class EmbeddedServer:
    """A PostgreSQL server in a folder of its own. Making this object starts nothing.

    Attributes:
        home: The folder that holds the data, the lock and the log; an absolute path.
        bindir: The folder of PostgreSQL's programs.
    """

    home: Path
    bindir: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "pgdata"

    @property
    def log(self) -> Path:
        """What the server says when it starts and stops, and its errors."""
        return self.home / "postgres.log"

    @property
    def psql_path(self) -> Path:
        """PostgreSQL's own client."""
        return self.bindir / "psql"

    @property
    def url(self) -> DatabaseUrl:
        """Where the database is, or will be once the server runs.

        Raises:
            ConfigurationError: The data folder belongs to another user.
            DatabaseUnavailableError: The home can't be read.
        """
        return self.status().url

    def status(self) -> ServerStatus:
        """What runs here now.

        Raises:
            ConfigurationError: The data folder belongs to another user.
            DatabaseUnavailableError: The home can't be read.
        """
        with self._os_errors("looked at"):
            paths = self._paths()
            version = data_version(self.data)
            postmaster = Postmaster.find(paths) if version else None
            if postmaster is None:
                return ServerStatus(None, version, _url(paths.socket_folder))
            return ServerStatus(postmaster.pid, version, _url(postmaster.socket_folder))

    def start(self) -> DatabaseUrl:
        """Make the data folder if there is none, and start the server unless it runs.

        Any number of processes may call this at once: one starts the server, all get the same URL. The server
        runs in a session of its own and stays when this process ends.

        Returns:
            The URL of the database `medianest`.

        Raises:
            ConfigurationError: The data folder is not this server's, or belongs to another major version of
                PostgreSQL or to another user, and nothing has been touched; or PostgreSQL can't be run as it
                is set up here.
            DatabaseUnavailableError: The server could not be made or started within 60 seconds.
        """
        deadline = time.monotonic() + _TIMEOUT
        with self._os_errors("started"):
            paths = self._paths()
            check_is_data(self.data)
            bindir, major = usable_bindir(self.bindir, paths.account)
            check_version(self.data, self.bindir, major)
            make_home(self.home)
            with locked(paths.lock, deadline=deadline):
                if not self.data.exists():
                    make_data(paths, bindir, major, deadline=deadline)
                return _url(_run(paths, bindir, deadline).socket_folder)

    def stop(self) -> bool:
        """Shut the server down cleanly, ending its sessions.

        Returns:
            Whether one ran.

        Raises:
            ConfigurationError: The data folder belongs to another user.
            DatabaseUnavailableError: It did not end within 60 seconds.
        """
        deadline = time.monotonic() + _TIMEOUT
        with self._os_errors("stopped"):
            paths = self._paths()
            has_data = data_version(self.data) is not None
            with locked(paths.lock, deadline=deadline) if has_data else contextlib.nullcontext():
                postmaster = Postmaster.find(paths) or Postmaster.find_orphan(paths)
                _end(postmaster, paths, deadline)
                remove_socket_folder(postmaster.socket_folder if postmaster else paths.socket_folder)
                return postmaster is not None

    def _paths(self) -> ServerPaths:
        return ServerPaths(self.home, self.data, self.log, Account.for_server(home=self.home, data=self.data))

    @contextlib.contextmanager
    def _os_errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = f" ({error.filename})" if error.filename else ""
            raise DatabaseUnavailableError(
                f"the embedded PostgreSQL in {self.home} can't be {done}: {error.strerror}{place}"
            ) from error


def embedded_server(settings: Settings) -> EmbeddedServer:
    """The embedded server that the settings describe; it is not started.

    Raises:
        ConfigurationError: The environment is production, or there is no PostgreSQL to run.
    """
    if settings.is_production:
        raise ConfigurationError(
            "DATABASE_URL: must be set when MEDIANEST_ENV=production, where no embedded server is started"
        )
    return EmbeddedServer(home=settings.home, bindir=find_bindir(settings))


def _run(paths: ServerPaths, bindir: Path, deadline: float) -> Postmaster:
    """The running server, started if need be."""
    failure = None
    for _ in range(2):  # after a crash the first start may meet children of the crashed server
        postmaster = _when_ready(paths, deadline)
        if postmaster is not None and postmaster.is_reachable:
            return postmaster
        _end(postmaster or Postmaster.find_orphan(paths), paths, deadline)
        failure = launch(paths, bindir, deadline=deadline)
        postmaster = Postmaster.find(paths)
        if failure is None and postmaster is not None:
            return postmaster
        if time.monotonic() > deadline:
            break
        time.sleep(1)
    raise DatabaseUnavailableError(
        f"the embedded PostgreSQL in {paths.home} does not start; its log is {paths.log}\n{failure}"
    )


def _when_ready(paths: ServerPaths, deadline: float) -> Postmaster | None:
    """The server, once it takes connections; None when none runs, or when it was about to stop."""
    while (postmaster := Postmaster.find(paths)) is not None and not postmaster.is_ready:
        if time.monotonic() > deadline:
            raise DatabaseUnavailableError(
                f"the embedded PostgreSQL in {paths.home} (process {postmaster.pid}) is not ready after "
                f"{_TIMEOUT:.0f} s; its log is {paths.log}"
            )
        time.sleep(POLL_SECONDS)
    return postmaster


def _end(postmaster: Postmaster | None, paths: ServerPaths, deadline: float) -> None:
    if postmaster is not None and not postmaster.stop(deadline=deadline):
        raise DatabaseUnavailableError(
            f"the embedded PostgreSQL in {paths.home} (process {postmaster.pid}) does not stop; its log is {paths.log}"
        )


def _url(folder: Path) -> DatabaseUrl:
    return DatabaseUrl(host=str(folder), port=PORT, user=USER, database=DATABASE)
