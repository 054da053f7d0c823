"""The embedded server: start it, stop it, say where it is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medianest_models.db.embedded.account import Account, adopt
from medianest_models.db.embedded.binaries import find_bindir, usable_bindir
from medianest_models.db.embedded.data_folder import (
    DATABASE,
    USER,
    check_data,
    data_version,
    make_data,
    make_home,
)
from medianest_models.db.embedded.postmaster import Postmaster, forget_dead_postmaster
from medianest_models.db.embedded.sockets import prepare_socket_folder, socket_folder
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medianest_models.settings import Settings

_TIMEOUT: Final = 60.0
_POLL_SECONDS: Final = 0.05
_LOG_LINES: Final = 8
_PORT: Final = 5432  # only the number in the socket's name
_OPTIONS: Final = (
    "-c listen_addresses= -c unix_socket_permissions=0700 -c timezone=UTC -c log_timezone=UTC "
    # Neither a failing statement nor the row that a constraint refused goes into the log: both can hold
    # secrets.
    "-c log_error_verbosity=terse -c log_min_error_statement=panic"
)


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
        """Where the database is, or will be once the server runs."""
        return self.status().url

    def status(self) -> ServerStatus:
        """What runs here now.

        Raises:
            ConfigurationError: The data folder belongs to another user.
            DatabaseUnavailableError: The home can't be read.
        """
        with self._os_errors("looked at"):
            account = self._account()
            postmaster = self._postmaster(account)
            return ServerStatus(
                pid=postmaster.pid if postmaster else None,
                version=data_version(self.data),
                url=_url(postmaster.socket_folder if postmaster else socket_folder(self.home, account)),
            )

    def start(self) -> DatabaseUrl:
        """Make the data folder if there is none, and start the server unless it runs.

        Any number of processes may call this at once: one starts the server, all get the same URL. The
        server runs in a session of its own and stays when this process ends.

        Returns:
            The URL of the database `medianest`.

        Raises:
            ConfigurationError: The data folder is not this server's, or belongs to another major version of
                PostgreSQL or to another user, and nothing has been touched; or PostgreSQL can't be run as
                it is set up here.
            DatabaseUnavailableError: The server could not be made or started within 60 seconds.
        """
        deadline = time.monotonic() + _TIMEOUT
        with self._os_errors("started"):
            account = self._account()
            bindir, major = usable_bindir(self.bindir, account)
            check_data(self.data, self.bindir, major)
            make_home(self.home)
            with self._locked(deadline):
                if not self.data.exists():
                    make_data(self.data, bindir, major, account, timeout=deadline - time.monotonic())
                return _url(self._run(bindir, account, deadline).socket_folder)

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
            account = self._account()
            if not self.data.exists():
                return False
            with self._locked(deadline):
                postmaster = self._postmaster(account)
                if postmaster is None:
                    return False
                self._end(postmaster, deadline)
                with contextlib.suppress(OSError):
                    postmaster.socket_folder.rmdir()
                return True

    def _account(self) -> Account:
        return Account.for_server(home=self.home, data=self.data)

    def _postmaster(self, account: Account) -> Postmaster | None:
        return Postmaster.find(self.data, socket_folder(self.home, account))

    def _run(self, bindir: Path, account: Account, deadline: float) -> Postmaster:
        """The running server, started if need be."""
        failure = ""
        for _attempt in range(2):  # the first after a crash may meet the crashed server's last children
            postmaster = self._postmaster(account)
            if postmaster is not None:
                postmaster = self._wait_until_ready(postmaster, account, deadline)
            if postmaster is not None and postmaster.is_reachable:
                return postmaster
            if postmaster is not None:  # its socket was deleted, so nobody can connect to it any more
                self._end(postmaster, deadline)
            failure = self._launch(bindir, account, deadline)
            postmaster = self._postmaster(account)
            if not failure and postmaster is not None:
                return postmaster
            time.sleep(1)
        raise DatabaseUnavailableError(f"the embedded PostgreSQL in {self.home} does not start:\n{failure}")

    def _wait_until_ready(
        self, postmaster: Postmaster, account: Account, deadline: float
    ) -> Postmaster | None:
        found: Postmaster | None = postmaster
        while found is not None and not found.is_ready:
            if time.monotonic() > deadline:
                raise DatabaseUnavailableError(
                    f"the embedded PostgreSQL in {self.home} (process {found.pid}) is still starting or "
                    f"stopping after {_TIMEOUT:.0f} s; its log is {self.log}"
                )
            time.sleep(_POLL_SECONDS)
            found = self._postmaster(account)
        return found

    def _launch(self, bindir: Path, account: Account, deadline: float) -> str:
        """Start the server and wait for it; what it logged when it did not come up, otherwise nothing."""
        folder = socket_folder(self.home, account)
        prepare_socket_folder(folder, account)
        forget_dead_postmaster(self.data)
        options = f"-k {folder} -p {_PORT} {_OPTIONS}"
        seconds = max(1, int(deadline - time.monotonic()))
        with self._open(self.log, os.O_APPEND) as log:
            begin = os.fstat(log).st_size
            # The server inherits the log and nothing else. Going through pg_ctl makes it a child of no
            # process of ours; our paths are not among the arguments, because pg_ctl hands them to a shell.
            command = [
                str(bindir / "pg_ctl"),
                "-D",
                account.here,
                "-w",
                "-t",
                str(seconds),
                "-o",
                options,
                "start",
            ]
            try:
                result = account.run(command, folder=self.data, timeout=seconds + 5, output=log)
            except subprocess.TimeoutExpired:
                return f"pg_ctl did not answer within {seconds} s; the log is {self.log}"
        if result.returncode == 0:
            return ""
        with self.log.open("rb") as written:
            written.seek(begin)
            lines = written.read().decode(errors="replace").splitlines()
        return "\n".join([*lines[-_LOG_LINES:], f"(the whole log is {self.log})"])

    def _end(self, postmaster: Postmaster, deadline: float) -> None:
        if not postmaster.stop(self.data, deadline=deadline):
            raise DatabaseUnavailableError(
                f"the embedded PostgreSQL in {self.home} (process {postmaster.pid}) does not stop; "
                f"its log is {self.log}"
            )

    @contextlib.contextmanager
    def _locked(self, deadline: float) -> Iterator[None]:
        """Keep every other process from starting or stopping this server."""
        with self._open(self.home / "server.lock") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise DatabaseUnavailableError(
                            f"another process has held {self.home / 'server.lock'} for {_TIMEOUT:.0f} s"
                        ) from None
                    time.sleep(_POLL_SECONDS)
            yield

    @contextlib.contextmanager
    def _open(self, path: Path, flags: int = 0) -> Iterator[int]:
        """Open a file of ours, which is made when it is not there; child processes don't inherit it."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)
        try:
            adopt(file, self.home)
            yield file
        finally:
            os.close(file)

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
            "DATABASE_URL: must be set when MEDIANEST_ENV=production, where no embedded PostgreSQL is started"
        )
    return EmbeddedServer(home=settings.home, bindir=find_bindir(settings))


def _url(folder: Path) -> DatabaseUrl:
    return DatabaseUrl(host=str(folder), port=_PORT, user=USER, database=DATABASE)
