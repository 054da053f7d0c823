"""The common fixtures of the tests: databases on the server of our own plugin, and a known environment.

Use `db`, unless the code under test commits, uses LISTEN, connects by itself or runs in several processes; then use
`fresh_db` (connected) or `fresh_url` (not connected). `empty_url` has no tables. Each is a real PostgreSQL database
that is dropped at the end, and is DATABASE_URL while its test runs; without one of them, DATABASE_URL leads nowhere.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from medianest_models.db import connect_database, disconnect_database, transaction
from medianest_models.db.connection import connected_url
from medianest_models.embedded import EmbeddedServer, embedded_server
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.migrate.applying import migrate
from medianest_models.settings import DatabaseUrl, Settings
from medianest_models.testing.servers import ENCRYPTION_KEY, Server, chosen_bindir
from tests.clusters import Pair, running_pair
from tests.poolers import running_pooler
from tests.sessions import assert_clean_session
from tests.workers import Scheduler, folder_in_memory

CHECKOUT: Final = Path(__file__).parents[1]
_NO_DATABASE: Final = "postgresql://nobody@127.0.0.1:1/ask-a-fixture-for-a-database"
_OURS: Final = ("DATABASE_", "MEDIANEST_", "ADMIN_", "PG")
# By pytest's options, a pytest that a test starts would write its report over ours, and erase what is covered so far.
_OUR_NAMES: Final = {"ENCRYPTION_KEYS", "LOG_FORMAT", "LOG_LEVEL", "PYTEST_ADDOPTS", "SLOW_QUERY_MS"}


_PLUGIN: Final = "medianest_models.pytest_plugin"
# Unless pytest has found it: with `-p no:medianest`, to measure the coverage of what it imports, or where the package
# was installed before it had the plugin.
pytest_plugins = () if _PLUGIN in sys.modules else (_PLUGIN,)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pgbouncer", help="the program PgBouncer, to go through one that is started in front of the server"
    )
    parser.addoption(
        "--cluster",
        action="store_true",
        help="run tests/cluster too, with what `python -m examples.cluster --install` has installed",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Put all files of the tests into memory, unless the developer has set a folder."""
    for path in _named(config):
        if not path.exists():  # pytest-xdist would report that no tests ran
            raise pytest.UsageError(f"there is no {path}")
    if "TMPDIR" not in os.environ and (folder := folder_in_memory()):
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None  # to be looked up again


def _named(config: pytest.Config) -> list[Path]:
    """Return the files and folders on the command line."""
    return [config.invocation_params.dir / argument.partition("::")[0] for argument in config.args]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return 0 for faster tests of single files, or None for a whole folder, to let pytest-xdist decide."""
    return None if any(path.is_dir() for path in _named(config)) else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler:
    """Return the scheduler that distributes the tests to the test processes."""
    return Scheduler(config, log)


@pytest.fixture(scope="session", autouse=True)
def known_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set the environment of every test and its processes, without the developer's own variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_OURS) or name in _OUR_NAMES:
                patch.delenv(name)
        patch.setenv("DATABASE_URL", _NO_DATABASE)
        patch.setenv("ENCRYPTION_KEYS", ENCRYPTION_KEY)
        patch.setenv("MEDIANEST_ENV", "test")
        patch.setenv("SLOW_QUERY_MS", "60000")  # a warning of a busy machine would be among what a command says
        patch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")  # its image may be out of reach
        home = tmp_path_factory.mktemp("home")
        patch.setenv("MEDIANEST_HOME", str(home))
        # A shell makes background processes ignore Ctrl-C, and each process of a test would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        if (home / "pgdata").exists():  # a test without DATABASE_URL has started it
            embedded_server(Settings(medianest_home=home)).stop()


@pytest.fixture(scope="session")
async def pooler(medianest_server: Server, request: pytest.FixtureRequest) -> AsyncIterator[DatabaseUrl | None]:
    """Run a PgBouncer in front of the server, if `--pgbouncer` is given, and return its URL."""
    program = request.config.getoption("--pgbouncer")
    if program is None:
        yield None
        return
    async with running_pooler(program, medianest_server.url) as url:
        yield url


@pytest.fixture
async def not_connected(request: pytest.FixtureRequest) -> None:
    """Disconnect this process from the database of `db`."""
    assert "db" not in request.fixturenames, "a test has either `db` or a database of its own"
    await disconnect_database()


@pytest.fixture
def medianest_url(
    medianest_url: DatabaseUrl, pooler: DatabaseUrl | None, monkeypatch: pytest.MonkeyPatch
) -> DatabaseUrl:
    """Make a migrated database for the test, as the plugin does, and go through the pooler if there is one."""
    return _use(medianest_url, pooler, monkeypatch)


@pytest.fixture
async def fresh_url(not_connected: None, medianest_url: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """Make a migrated database for the test, which has to leave no connection to it."""
    yield medianest_url
    await _assert_not_connected()


@pytest.fixture
async def fresh_db(fresh_url: DatabaseUrl, medianest_db: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """Make a migrated database for the test, and connect this process to it."""
    yield fresh_url
    await assert_clean_session(fresh_url)


@pytest.fixture
async def empty_url(
    not_connected: None, medianest_server: Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DatabaseUrl]:
    """Make a database without tables for the test."""
    async with medianest_server.database() as url:
        yield _use(url, None, monkeypatch)
        await _assert_not_connected()


@pytest.fixture
async def db(
    shared_database: DatabaseUrl, pooler: DatabaseUrl | None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DatabaseUrl]:
    """Connect this process, and open a transaction that is rolled back when the test ends."""
    url = _use(shared_database, pooler, monkeypatch)
    await connect_database(url)  # a no-op if the previous test used it too
    async with transaction() as whole:
        yield url
        await whole.rollback()
    await assert_clean_session(url)


@pytest.fixture(scope="session")
async def shared_database(medianest_server: Server, medianest_template: str) -> AsyncIterator[DatabaseUrl]:
    """Make the database that all tests with `db` share."""
    async with medianest_server.database(template=medianest_template) as url:
        yield url
        await disconnect_database()


@pytest.fixture(scope="session")
def bindir(request: pytest.FixtureRequest) -> Path | None:
    """Return the folder of PostgreSQL programs that `--medianest-server` chose; None for those of the wheel."""
    return chosen_bindir(str(request.config.getoption("--medianest-server")))


@pytest.fixture(scope="session")
def made_data(bindir: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start an embedded server once, and return its data folder: copying it is faster than initdb."""
    server = embedded_server(Settings(medianest_home=tmp_path_factory.mktemp("made"), pg_bindir=bindir))
    server.start()
    server.stop()
    yield server.data
    shutil.rmtree(server.home)


@pytest.fixture
async def new_server(
    not_connected: None, bindir: Path | None, made_data: Path, tmp_path: Path, open_folder: Path
) -> AsyncIterator[Callable[..., EmbeddedServer]]:
    """Return a function that makes an embedded server for the test, not yet started.

    `new_server("name")` uses a folder of that name in `tmp_path`, or in `folder=`, and has a prepared data folder; with
    `blank=True` it has none.
    """
    servers: list[EmbeddedServer] = []

    def new(home: str = "home", *, folder: Path = tmp_path, blank: bool = False) -> EmbeddedServer:
        server = embedded_server(Settings(medianest_home=folder / home, pg_bindir=bindir))
        servers.append(server)
        if not blank:
            server.home.mkdir()
            subprocess.run(["cp", "-a", made_data, server.data], check=True)
        return server

    yield new
    for server in servers:
        await asyncio.to_thread(server.stop)
        shutil.rmtree(server.home, ignore_errors=True)  # pytest would keep some gigabytes of them


@pytest.fixture
async def own_server(new_server: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch) -> EmbeddedServer:
    """Make a migrated server for the test, which may stop, kill and start it; its database is DATABASE_URL."""
    server = new_server()
    url = await asyncio.to_thread(server.start)
    monkeypatch.setenv("DATABASE_URL", url.render().get_secret_value())
    await migrate(url)
    return server


@pytest.fixture
async def pair(not_connected: None, bindir: Path | None) -> AsyncIterator[Pair]:
    """Make a primary and a standby, without tables, which the test may stop, freeze, delay and promote."""
    async with running_pair(bindir) as running:
        yield running


@pytest.fixture
async def migrated_pair(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Make such a pair with all migrations; the URL of both is DATABASE_URL."""
    monkeypatch.setenv("DATABASE_URL", pair.url.render().get_secret_value())
    await migrate(pair.primary.url)
    await pair.wait_until_replayed()
    return pair


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that every user of the machine can enter, unlike `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="medianest-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def _assert_not_connected() -> None:
    with suppress(DatabaseUnavailableError):
        left = connected_url()
        await disconnect_database()  # otherwise it would disturb every other test
        pytest.fail(f"the test has left its connection to {left}")


@pytest.fixture
def no_pooler(pooler: DatabaseUrl | None) -> None:
    """Skip the test behind PgBouncer, which hides the server, forwards no timeouts and supports no LISTEN."""
    if pooler is not None:
        pytest.skip("needs the server itself, without PgBouncer in between")


def _use(direct: DatabaseUrl, pooler: DatabaseUrl | None, patch: pytest.MonkeyPatch) -> DatabaseUrl:
    """Set DATABASE_URL for the test to a database, through the pooler if there is one, and return the URL."""
    url = direct
    if pooler is not None:
        url = replace(pooler, database=direct.database)
        patch.setenv("DATABASE_DIRECT_URL", direct.render().get_secret_value())
    patch.setenv("DATABASE_URL", url.render().get_secret_value())
    return url
