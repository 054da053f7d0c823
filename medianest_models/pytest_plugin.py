"""The pytest plugin: a PostgreSQL server, and a migrated database for each test that asks for one.

pytest loads it before it measures coverage, and for every project in the environment: nothing is imported here that
only a fixture needs.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl
    from medianest_models.testing.servers import Server

_ROLLBACK: Final = "medianest_rollback"
_OURS: Final = ("DATABASE_URL", "DATABASE_DIRECT_URL", "DATABASE_PGBOUNCER", "DATABASE_REPLICA_URL", "MEDIANEST_ENV")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the server."""
    parser.getgroup("medianest").addoption(
        "--medianest-server",
        default=os.environ.get("MEDIANEST_TEST_SERVER", "embedded"),
        metavar="SERVER",
        help="embedded (the default), a folder of PostgreSQL programs, the URL of a running server, "
        "testcontainers[:IMAGE]; or MEDIANEST_TEST_SERVER",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", f"{_ROLLBACK}: let `medianest_db` roll back what the test does, instead of making a database for it"
    )


def pytest_report_header(config: pytest.Config) -> str:
    """Show the server, without a URL's password: libpq's URLs, which are refused later, can have one as a parameter."""
    return f"medianest: server {_choice(config).rpartition('@')[2].partition('?')[0]}"


def _choice(config: pytest.Config) -> str:
    return str(config.getoption("--medianest-server"))


@pytest.fixture(scope="session")
def medianest_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run the PostgreSQL server of this test process."""
    from medianest_models.testing.servers import in_thread, running_server  # noqa: PLC0415 - see above

    with in_thread(running_server(_choice(request.config))) as server:
        yield server


@pytest.fixture(scope="session")
def medianest_template(medianest_server: Server) -> Iterator[str]:
    """Make a database with all migrations, and return its name; nobody may stay connected to it."""
    from medianest_models.testing.servers import in_thread, migrated  # noqa: PLC0415 - see above

    with in_thread(migrated(medianest_server)) as template:
        yield template


@pytest.fixture
def medianest_url(
    medianest_server: Server, medianest_template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DatabaseUrl]:
    """Make a migrated database for the test; it is DATABASE_URL while the test runs. Nothing is connected to it."""
    from medianest_models.testing.servers import in_thread  # noqa: PLC0415 - see above

    with in_thread(medianest_server.database(template=medianest_template)) as url:
        _use(url, monkeypatch)
        yield url


@pytest.fixture
def medianest_db(request: pytest.FixtureRequest) -> DatabaseUrl:
    """Make a migrated database for the test, and connect this process to it, on the test's event loop.

    With the marker `medianest_rollback` all tests of this process share a database: each runs in a transaction, which
    is rolled back when it ends.
    """
    url: DatabaseUrl = request.getfixturevalue("_medianest_shared_url" if _rolls_back(request) else "medianest_url")
    request.getfixturevalue(f"_medianest_connection_{_loop(request)}")
    return url


@pytest.fixture(scope="session")
def _medianest_shared_database(medianest_server: Server, medianest_template: str) -> Iterator[DatabaseUrl]:
    from medianest_models.testing.servers import in_thread  # noqa: PLC0415 - see above

    with in_thread(medianest_server.database(template=medianest_template)) as url:
        yield url


@pytest.fixture
def _medianest_shared_url(_medianest_shared_database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> DatabaseUrl:
    _use(_medianest_shared_database, monkeypatch)
    return _medianest_shared_database


def _use(url: DatabaseUrl, patch: pytest.MonkeyPatch) -> None:
    """Let DATABASE_URL lead to a test's database, and no other variable to a developer's."""
    for name in [name for name in os.environ if name.upper() in _OURS]:  # the settings are read in any case
        patch.delenv(name)
    patch.setenv("DATABASE_URL", url.render().get_secret_value())
    patch.setenv("MEDIANEST_ENV", "test")
    if not os.environ.get("ENCRYPTION_KEYS"):
        from medianest_models.testing.servers import ENCRYPTION_KEY  # noqa: PLC0415 - see above

        patch.setenv("ENCRYPTION_KEYS", ENCRYPTION_KEY)


def _rolls_back(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker(_ROLLBACK) is not None


# The connection opens and closes on the event loop of the test, which pytest-asyncio or anyio's plugin runs.

_LOOPS: Final = ("function", "class", "module", "package", "session")


def _loop(request: pytest.FixtureRequest) -> str:
    """Return which loop the test runs on: "anyio", or the scope of one of pytest-asyncio's."""
    marker = request.node.get_closest_marker("asyncio")
    if marker is None and "anyio_backend" in request.node.fixturenames:
        backend = request.getfixturevalue("anyio_backend_name")
        if backend != "asyncio":
            pytest.fail(f"medianest_db: needs anyio's backend asyncio, and not {backend}", pytrace=False)
        return "anyio"
    if not request.config.pluginmanager.hasplugin("asyncio"):
        pytest.fail("medianest_db: needs the marker anyio, or the package pytest-asyncio", pytrace=False)
    scope = marker.kwargs.get("loop_scope") if marker else None
    return str(scope or request.config.getini("asyncio_default_test_loop_scope"))


@asynccontextmanager
async def _connected(*, rolls_back: bool) -> AsyncIterator[None]:
    """Be connected to DATABASE_URL; in a transaction, if what is done there is rolled back."""
    from medianest_models.db import database, transaction  # noqa: PLC0415 - see above

    async with database():
        if not rolls_back:
            yield
            return
        async with transaction() as whole:
            yield
            await whole.rollback()


def _connection_fixture(decorate: Callable[..., Any], loop: str, **options: Any) -> Any:
    async def connection(request: pytest.FixtureRequest) -> AsyncIterator[None]:
        async with _connected(rolls_back=_rolls_back(request)):
            yield

    return decorate(name=f"_medianest_connection_{loop}", **options)(connection)


_connection_anyio = _connection_fixture(pytest.fixture, "anyio")
if find_spec("pytest_asyncio"):
    import pytest_asyncio

    for _scope in _LOOPS:
        globals()[f"_connection_{_scope}"] = _connection_fixture(pytest_asyncio.fixture, _scope, loop_scope=_scope)
