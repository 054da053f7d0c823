"""`migrate()`, and the status of a database's migrations."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from medianest_models.db import connect_database, disconnect_database, transaction
from medianest_models.db.locks import AdvisoryLock
from medianest_models.db.requirements import migration_status, migration_versions
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError, MigrationError
from medianest_models.migrate.applying import MigrationProgress, migrate, pending_sql
from medianest_models.models import User
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.db.pools import backend
from tests.migrations import catalog
from tests.migrations.commands import FILES, add_migration, use_folder
from tests.processes import run_in_processes
from tests.servers import connection_to

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

CLIENTS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


GOOD, BAD = "900000001_20300101000000_good.py", "900000002_20300101000000_bad.py"


async def applied(look: Connection) -> list[str]:
    return [row[0] for row in await look.fetch("SELECT version FROM aerich ORDER BY id")]


async def test_an_empty_database(empty_url: DatabaseUrl, look: Connection) -> None:
    status = await migration_status()
    assert (status.applied, status.pending, status.unknown, status.head) == ((), tuple(FILES), (), None)
    assert await catalog.objects(look) == set()
    assert await migrate() == FILES
    assert await applied(look) == FILES
    assert await look.fetchval(CLIENTS) == 0


async def test_a_migrated_one(fresh_url: DatabaseUrl) -> None:
    assert await migrate() == []
    status = await migration_status()
    assert (status.applied, status.pending, status.unknown, status.head) == (tuple(FILES), (), (), FILES[-1])


def test_files_are_in_the_order_of_their_numbers(files: Path) -> None:
    for number in (2, 10, 1):
        add_migration(files, f"90000000{number}_20300101000000_x.py", "SELECT 1")
    (files / "__init__.py").touch()
    assert [name.split("_")[0] for name in migration_versions()][-3:] == ["900000001", "900000002", "9000000010"]


async def test_of_four_processes_one_runs_a_file_that_is_in_no_transaction(
    empty_url: DatabaseUrl, look: Connection, files: Path
) -> None:
    statement = "INSERT INTO services (name, display_name) SELECT clock_timestamp(), 'x' FROM pg_sleep(1)"
    name = add_migration(files, GOOD, statement, in_transaction=False)
    results = run_in_processes(migrate_from, 4, files.parent, url=empty_url, timeout=120)
    assert sorted(results, key=len) == [[], [], [], [*FILES, name]]
    assert await look.fetchval("SELECT count(*) FROM services") == 1


async def migrate_from(folder: Path) -> list[str]:
    use_folder(pytest.MonkeyPatch(), folder)
    return await migrate()


class TestInAConnectedProcess:
    @pytest.fixture(autouse=True)
    async def connected(self, empty_url: DatabaseUrl) -> AsyncIterator[None]:
        await connect_database(replace(empty_url, pool_max=1), require_migrated=False)
        yield
        await disconnect_database()

    async def test_its_connections_are_not_touched(self, look: Connection) -> None:
        before, clients = await backend(), await look.fetchval(CLIENTS)
        assert await migrate() == FILES
        assert await backend() == before
        assert await look.fetchval(CLIENTS) == clients
        assert await User.create(plex_id="a", plex_username="Anna") == await User.get(plex_id="a")

    async def test_a_transaction_goes_on(self) -> None:
        await migrate()
        async with transaction():
            await User.create(plex_id="a", plex_username="Anna")
            assert await migrate() == []
            assert await migration_status()
            await User.create(plex_id="b", plex_username="Ben")
        assert await User.all().count() == 2

    async def test_another_database_is_migrated_and_not_its_own(
        self, medianest_server: Server, look: Connection
    ) -> None:
        async with medianest_server.database() as other:
            assert await migrate(other) == FILES
            assert (await migration_status(other)).head == FILES[-1]
        assert await catalog.objects(look) == set()
        assert (await migration_status()).applied == ()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("INSERT INTO users (plex_id, plex_username, email) VALUES ('canary', 'x', '')", "ck_users_email"),
        ("SELECT 1 / 0", "22012"),
        ("SELEC canary", "42601"),
        ("INSERT INTO nowhere VALUES (1)", "lacks a table"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "database"),
    ],
)
async def test_a_failing_file_is_named_and_rolled_back(
    look: Connection, files: Path, statement: str, reason: str
) -> None:
    add_migration(files, GOOD, "CREATE TABLE good ()")
    add_migration(files, BAD, f"CREATE TABLE bad (); {statement}")
    with pytest.raises(MigrationError, match=f"^migration {BAD} failed and was rolled back: .*{reason}") as raised:
        await migrate()
    assert "canary" not in "".join(traceback.format_exception(raised.value))
    await left_good(look, files)


@pytest.mark.parametrize("result", ["1 / 0", "[][0]"])
async def test_one_whose_code_fails_is_named_and_rolled_back(look: Connection, files: Path, result: str) -> None:
    add_migration(files, GOOD, "CREATE TABLE good ()")
    code = f"async def upgrade(db):\n    await db.execute_script('CREATE TABLE bad ()')\n    return {result}\n"
    (files / BAD).write_text(code)
    with pytest.raises(MigrationError, match=f"^migration {BAD} failed and was rolled back: "):
        await migrate()
    await left_good(look, files)


async def left_good(look: Connection, files: Path) -> None:
    """Check that the file before the bad one is applied, the bad one is not, and no lock is held."""
    assert await applied(look) == [*FILES, GOOD]
    assert {"table good"} == await catalog.objects(look) & {"table good", "table bad"}
    assert await look.fetchval(CLIENTS) == 0
    (files / BAD).unlink()
    assert await migrate() == []


@pytest.mark.parametrize("code", ["def upgrade(\n", "import nowhere\n", "x = 1\n", "1 / 0\n"])
async def test_one_that_can_t_be_loaded_is_named_before_anything_is_done(
    look: Connection, files: Path, code: str
) -> None:
    add_migration(files, GOOD, "CREATE TABLE good ()")
    (files / BAD).write_text(code)
    with pytest.raises(MigrationError, match=f"^migration {BAD} (can't be loaded|has no upgrade)"):
        await migrate()
    assert await catalog.objects(look) == set()


async def test_a_lock_that_someone_holds_is_given_up_and_holds_nobody_up(
    empty_url: DatabaseUrl, look: Connection, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate()
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "0.5")
    name = add_migration(files, GOOD, "CREATE TABLE good (); ALTER TABLE users ADD COLUMN good TEXT")
    async with connection_to(empty_url) as other:
        async with other.transaction():
            await other.execute("SELECT FROM users")  # a long report, say
            begun = asyncio.get_running_loop().time()
            with pytest.raises(MigrationError) as raised:
                await migrate()
            assert asyncio.get_running_loop().time() - begun < 20
            assert str(raised.value) == (
                f"migration {name} failed and was rolled back: a lock was not free within the time allowed"
            )
            assert "table good" not in await catalog.objects(look)
            async with asyncio.timeout(10):
                await look.execute("SELECT FROM users")
        assert await migrate() == [name]


async def test_sql_that_only_a_database_can_tell_is_not_shown(
    empty_url: DatabaseUrl, look: Connection, files: Path
) -> None:
    name = add_migration(files, GOOD, "SELECT 1")
    text = (files / name).read_text().replace("    return", "    await db.execute_query('SELECT 1')\n    return", 1)
    (files / name).write_text(text)
    with pytest.raises(MigrationError, match=f"^migration {name} has no SQL to show without running it"):
        await pending_sql()
    assert await migrate() == [*FILES, name]


async def test_a_database_ahead(empty_url: DatabaseUrl, look: Connection) -> None:
    await migrate()
    await look.execute("INSERT INTO aerich (version, app, content) VALUES ('99_x.py', 'models', '{}')")
    status = await migration_status()
    assert (status.pending, status.unknown) == ((), ("99_x.py",))
    assert await migrate() == []


class Seen(list[str], MigrationProgress):
    """A progress that records its calls."""

    def waiting(self) -> None:
        self.append("waiting")

    def started(self, version: str) -> None:
        self.append(f"started {version}")

    def applied(self, version: str, seconds: float) -> None:
        assert seconds > 0
        self.append(f"applied {version}")


async def test_waiting_for_another_has_an_end(empty_url: DatabaseUrl, look: Connection) -> None:
    await look.execute("SELECT pg_advisory_lock($1)", AdvisoryLock.MIGRATING)
    with pytest.raises(DatabaseTimeoutError, match=r"^another process was still migrating after 0\.3 s$"):
        await migrate(wait=0.3)
    assert await look.fetchval(CLIENTS) == 0
    seen = Seen()
    task = asyncio.create_task(migrate(progress=seen))
    async with asyncio.timeout(30):
        while not seen:  # noqa: ASYNC110 - it is called in this event loop
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    assert not task.done()
    assert seen == ["waiting"]
    await look.execute("SELECT pg_advisory_unlock($1)", AdvisoryLock.MIGRATING)
    assert await task == FILES
    assert seen == ["waiting", *(f"{what} {name}" for name in FILES for what in ("started", "applied"))]


async def test_one_that_is_cancelled_leaves_nothing(empty_url: DatabaseUrl, look: Connection, files: Path) -> None:
    add_migration(files, GOOD, "CREATE TABLE good (); SELECT pg_sleep(60)")
    task = asyncio.create_task(migrate())
    await until(look, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(look, f"SELECT ({CLIENTS}) = 0")
    assert "table good" not in await catalog.objects(look)
    assert await applied(look) == FILES


async def until(look: Connection, condition: str) -> None:
    """Wait until it is true; fail after a timeout."""
    async with asyncio.timeout(30):
        while not await look.fetchval(condition):
            await look.execute("SELECT pg_sleep(0.02)")


async def test_no_database(empty_url: DatabaseUrl) -> None:
    nowhere = DatabaseUrl.parse("postgresql://someone:canary@127.0.0.1:1/nowhere")
    for function in (migrate, migration_status):
        for url in (nowhere, replace(empty_url, database="nowhere")):
            with pytest.raises(DatabaseUnavailableError) as raised:
                await function(url)
            assert "canary" not in str(raised.value)
