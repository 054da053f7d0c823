"""The embedded server: starting it, stopping it, and its status."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medianest_models.embedded.folder import DATABASE, USER, check_data, data_version, locked, make_data, pause
from medianest_models.embedded.process import PORT, SOCKET, Postmaster, launch, prepare_socket_folder, socket_folder
from medianest_models.embedded.programs import Account, find_bindir, usable_bindir
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl, Settings

_TIMEOUT: Final = 60.0


@dataclass(frozen=True)
class ServerStatus:
    """The state of a home."""

    pid: int | None  # None when no server runs
    version: str | None  # the data folder's major version, such as "18"; None when there is none yet
    url: DatabaseUrl  # where the database is, or will be once the server runs


@dataclass(frozen=True)
class EmbeddedServer:
    """A PostgreSQL server in its own folder. Creating this object starts nothing.

    Its methods raise ConfigurationError if the data folder belongs to another user, and DatabaseUnavailableError if a
    file can't be used, or after 60 seconds.
    """

    home: Path  # holds the data, the lock and the log; an absolute path
    bindir: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "pgdata"

    @property
    def log(self) -> Path:
        """The file to which the server logs its starts and stops."""
        return self.home / "postgres.log"

    @property
    def psql_path(self) -> Path:
        """PostgreSQL's own client."""
        return self.bindir / "psql"

    @property
    def url(self) -> DatabaseUrl:
        """The database's URL, also while the server does not run."""
        return self.status().url

    def status(self) -> ServerStatus:
        """Return the current status."""
        with self.os_errors("looked at"):
            folder = self._socket_folder()
            postmaster = Postmaster.find(self.data, folder)
            host = str(postmaster.socket_folder if postmaster else folder)
            url = DatabaseUrl(host=host, port=PORT, user=USER, database=DATABASE)
            return ServerStatus(postmaster.pid if postmaster else None, data_version(self.data), url)

    def start(self) -> DatabaseUrl:
        """Create the data folder if there is none, start the server unless it runs, and return its URL.

        Any number of processes may call this at once: one starts the server, all get the same URL. The server
        runs in a session of its own and stays when this process ends.

        Raises:
            ConfigurationError: The folder is not a data folder, or is one of another major version of PostgreSQL (it
                was not changed); or PostgreSQL can't run with this configuration.
        """
        deadline = time.monotonic() + _TIMEOUT
        self.finish_upgrade()
        with self.os_errors("started"):
            account = Account.for_server(self.home, self.data)
            bindir, major = usable_bindir(self.bindir, account)
            check_data(self.data, self.bindir, major)
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self.home / "server.lock", deadline=deadline) as lock:
                if not self.data.exists():
                    make_data(self.data, bindir, major, account, lock=lock, deadline=deadline)
                elif self.data.stat().st_uid != account.uid:  # an earlier release ran root's server as `nobody`
                    self._end(deadline)
                    shutil.rmtree(self._socket_folder(), ignore_errors=True)
                    account.own(self.data)
                folder = self._socket_folder()
                prepare_socket_folder(folder, account)
                while (postmaster := Postmaster.find(self.data, folder)) is not None and not postmaster.is_ready:
                    pause(deadline, f"process {postmaster.pid} is not ready after {_TIMEOUT:.0f} s")
                if postmaster is None or not (postmaster.socket_folder / SOCKET).is_socket():
                    self._end(deadline)  # somebody has deleted its socket, or its data folder
                    launch(self.data, self.log, folder, bindir, account, deadline=deadline)
            return self.url

    def stop(self) -> bool:
        """Shut the server down cleanly, end its sessions, and return whether it ran."""
        deadline = time.monotonic() + _TIMEOUT
        with self.os_errors("stopped"):
            folder, has_data = self._socket_folder(), data_version(self.data) is not None
            with locked(self.home / "server.lock", deadline=deadline) if has_data else contextlib.nullcontext():
                stopped = self._end(deadline)
                shutil.rmtree(folder, ignore_errors=True)
                return stopped

    def finish_upgrade(self) -> None:
        """Move the new data folder to its place, if an upgrade was killed just before that step.

        While the old one still has its place, the new one is deleted: it will lack what is written from now on, and
        must not return when the old one is moved away.
        """
        finished = upgraded_folder(self.data)
        with self.os_errors("upgraded"):
            if finished.exists():
                with locked(self.home / "server.lock", deadline=time.monotonic() + _TIMEOUT):
                    if self.data.exists():
                        shutil.rmtree(finished, ignore_errors=True)  # nothing is there if somebody else was faster
                    else:
                        finished.rename(self.data)

    def _socket_folder(self) -> Path:
        """Return the socket's folder, which depends on the data's owner; the next start may change the owner."""
        account = Account.for_server(self.home, self.data)
        return socket_folder(self.home, self.data.stat().st_uid if self.data.exists() else account.uid)

    def _end(self, deadline: float) -> bool:
        """Stop the server of the data folder, even if that folder was deleted; return whether one ran."""
        folder = self._socket_folder()
        postmaster = Postmaster.find(self.data, folder) or Postmaster.find_by_socket(folder)
        if postmaster is not None:
            postmaster.stop(deadline=deadline)
        return postmaster is not None

    @contextlib.contextmanager
    def os_errors(self, done: str) -> Iterator[None]:
        """Raise our error for an OSError while the server is `done`, such as "started"."""
        try:
            yield
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            problem = f"the embedded PostgreSQL in {self.home} can't be {done}: {error.strerror or error}{where}"
            raise DatabaseUnavailableError(problem) from error


def upgraded_folder(data: Path) -> Path:
    """Return the path of an upgraded data folder that is complete, but not yet moved to its place."""
    return data.with_name(f"{data.name}.upgraded")


def embedded_server(settings: Settings) -> EmbeddedServer:
    """Describe the embedded server of these settings, not started; ConfigurationError if there is none to run."""
    if settings.is_production:
        raise ConfigurationError(
            "DATABASE_URL: must be set when MEDIANEST_ENV=production, where no embedded server is started"
        )
    return EmbeddedServer(home=settings.home, bindir=find_bindir(settings))
