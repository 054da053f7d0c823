"""`medianest db restore`: into an empty database, all of it or nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from medianest_models.backups import make_backup, read_manifest, restore_backup
from medianest_models.backups.contents import count_rows
from medianest_models.backups.programs import run_program
from medianest_models.db import database
from medianest_models.encryption.encrypted_rows import check_secrets
from medianest_models.errors import BackupError, MigrationError
from medianest_models.migrate.applying import migrate
from medianest_models.migrate.drift import check_drift
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.backups.conftest import USERS, change_manifest, fill, objects_of, rows_of
from tests.commands import PROGRAM, document, medianest
from tests.locks import until
from tests.migrations.commands import FILES, add_migration, copy_of_migrations, use_folder
from tests.servers import connection_to


@pytest.fixture
async def backup(portal: DatabaseUrl, tmp_path: Path) -> Path:
    """Make a backup of the portal."""
    file = tmp_path / "-backup"
    await make_backup(file)
    return file


@pytest.fixture
async def role(medianest_server: Server) -> AsyncIterator[str]:
    """Make a role, which the test may drop."""
    name = f"medianest_worker_{os.getpid()}"
    await medianest_server.execute(f"CREATE ROLE {name}")
    yield name
    await medianest_server.execute(f"DROP ROLE IF EXISTS {name}")


def use(url: DatabaseUrl) -> dict[str, str]:
    """Return the environment of a command on this database."""
    return {"DATABASE_URL": url.render().get_secret_value()}


async def test_everything_is_there_again(portal: DatabaseUrl, backup: Path, target: DatabaseUrl) -> None:
    report = await restore_backup(backup, target)
    assert report.pending == ()
    assert await rows_of(target) == await rows_of(portal)
    assert (await check_drift(target)).differences == ()
    async with database(target):
        secrets = await check_secrets()
        assert (secrets.rows, secrets.unreadable) == (USERS + 2, ())
        await users.upsert_from_plex("new", plex_username="New")
    async with connection_to(target) as connection:
        assert await connection.fetchval("SELECT reltuples FROM pg_class WHERE relname = 'users'") == USERS + 2
        assert await connection.fetchval("SELECT count(*) FROM pg_stats WHERE tablename = 'service_status_history'")


async def test_the_command(
    portal: DatabaseUrl, backup: Path, target: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(backup.parent)
    rows = sum(len(rows) for rows in (await rows_of(portal)).values())
    status, output, errors = medianest("db", "restore", "--", "-backup", **use(target))
    assert (status, errors) == (0, f"Restoring {rows} rows of {len(await rows_of(portal))} tables\n")
    assert output == f"Restored {rows} rows of {len(await rows_of(portal))} tables.\n"
    before = await rows_of(target)
    status, output, errors = medianest("db", "restore", "--", "-backup", **use(target))
    assert (status, output) == (1, "")
    assert f"Error: {target.masked} is not empty, it has public." in errors
    assert " more: a backup is restored into an empty database only" in errors
    assert await rows_of(target) == before


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("CREATE TABLE theirs (id int)", "public.theirs"),
        ("CREATE SCHEMA s; CREATE VIEW s.theirs AS SELECT 1 AS one", "s.theirs"),
        ("CREATE SEQUENCE theirs", "public.theirs"),
        ("CREATE FUNCTION medianest_uuid_v7() RETURNS int RETURN 1", "medianest_uuid_v7()"),
    ],
)
async def test_a_database_that_is_not_empty_is_left_alone(
    backup: Path, target: DatabaseUrl, statement: str, name: str
) -> None:
    async with connection_to(target) as connection:
        await connection.execute(statement)
    with pytest.raises(BackupError) as error:
        await restore_backup(backup, target)
    assert f"is not empty, it has {name}: a backup" in str(error.value)
    assert await objects_of(target) == [name]


async def test_of_two_at_once_one_is_refused(backup: Path, target: DatabaseUrl) -> None:
    said: list[str] = []
    results = await asyncio.gather(
        *(restore_backup(backup, target, progress=said.append) for _ in range(2)), return_exceptions=True
    )
    (error,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(error, BackupError)
    assert "is not empty" in str(error)
    assert "Another process is migrating the database: waiting for it" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_in_the_middle_leaves_it_empty(backup: Path, target: DatabaseUrl, number: int) -> None:
    async with connection_to(target) as someone, connection_to(target) as observer:
        transaction = someone.transaction()
        await transaction.start()
        await someone.execute("CREATE TABLE users (id int)")  # pg_restore's own has to wait for its end
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "db", "restore", backup), env=os.environ | use(target), stderr=subprocess.PIPE
        )

        async def waits() -> bool:
            return bool(await observer.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await until(waits)
        process.send_signal(number)
        _, errors = await process.communicate()
        await transaction.rollback()
    assert (process.returncode, errors.decode().splitlines()[-1]) == (130, "Stopped.")
    assert await objects_of(target) == []


async def test_privileges_of_other_roles(
    portal: DatabaseUrl, target: DatabaseUrl, role: str, medianest_server: Server, tmp_path: Path
) -> None:
    async with connection_to(portal) as connection:
        await connection.execute(f"GRANT SELECT ON users TO {role}; ALTER TABLE services OWNER TO {role}")
    await make_backup(tmp_path / "backup")
    async with connection_to(portal) as connection:
        await connection.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}")
    await medianest_server.execute(f"ALTER ROLE {role} RENAME TO {role}_away")
    try:
        with pytest.raises(BackupError, match=f'^pg_restore failed: .*role "{role}" does not exist$'):
            await restore_backup(tmp_path / "backup", target)
        assert await objects_of(target) == []
    finally:
        await medianest_server.execute(f"ALTER ROLE {role}_away RENAME TO {role}")
    await restore_backup(tmp_path / "backup", target)
    async with connection_to(target) as connection:
        assert await connection.fetchval("SELECT has_table_privilege($1, 'users', 'SELECT')", role)
        assert not await connection.fetchval("SELECT has_table_privilege($1, 'services', 'SELECT')", role)
        await connection.execute(f"DROP OWNED BY {role}")


async def test_an_error_shows_no_row(portal: DatabaseUrl, target: DatabaseUrl, tmp_path: Path) -> None:
    async with connection_to(portal) as connection:
        await connection.execute(
            "CREATE FUNCTION picky(text) RETURNS bool LANGUAGE plpgsql AS "
            "$$BEGIN IF current_setting('search_path') = '' THEN RAISE '%', $1; END IF; RETURN TRUE; END$$;"
            "CREATE TABLE notes (note text CHECK (public.picky(note))); INSERT INTO notes VALUES ('precious')"
        )
    await make_backup(tmp_path / "backup")
    with pytest.raises(BackupError) as error:
        await restore_backup(tmp_path / "backup", target)
    assert str(error.value) == 'pg_restore failed: COPY failed for table "notes"'
    assert await objects_of(target) == []


@pytest.mark.parametrize("schema", ["portal", "Our-Portal"])
async def test_a_schema_of_one_s_own(
    empty_url: DatabaseUrl, medianest_server: Server, tmp_path: Path, schema: str
) -> None:
    url = replace(empty_url, schema=schema)
    async with connection_to(empty_url) as connection:
        await connection.execute(f'CREATE SCHEMA "{schema}"; CREATE SCHEMA other; CREATE TABLE other.t (id int)')
    await migrate(url)
    await fill(url)
    await make_backup(tmp_path / "backup", url)
    async with medianest_server.database() as bare:
        target = replace(bare, schema=schema)
        with pytest.raises(
            BackupError, match=rf"its tables in the schema {schema}, but .* in public: run CREATE SCHEMA"
        ):
            await restore_backup(tmp_path / "backup", bare)
        assert await objects_of(bare) == []
        async with connection_to(bare) as connection:
            await connection.execute(f'CREATE SCHEMA "{schema}"')
        await restore_backup(tmp_path / "backup", target)
        assert await rows_of(target) == await rows_of(url)
        assert (await check_drift(target)).differences == ()
    assert document("db", "verify-backup", str(tmp_path / "backup"))["problems"] == []


def spoil(backup: Path, kind: str) -> None:
    """Replace a backup by something else, or by a part of it."""
    content = backup.read_bytes()
    archive, manifest = content.rsplit(b'{"taken_at":', maxsplit=1)
    contents = {
        "text": b"a story\n" * 100,
        "empty": b"",
        "cut off": content[:-10_000],
        "of pg_dump": archive,
        "with a broken end": archive + b'["taken_at":' + manifest,
    }
    backup.write_bytes(contents[kind])


@pytest.mark.parametrize("kind", ["text", "empty", "cut off", "of pg_dump", "with a broken end"])
async def test_what_is_no_whole_backup(backup: Path, target: DatabaseUrl, kind: str) -> None:
    await asyncio.to_thread(spoil, backup, kind)
    with pytest.raises(BackupError, match="is not a whole backup of `medianest db backup`: its end is missing"):
        await restore_backup(backup, target)
    assert await objects_of(target) == []


@pytest.mark.parametrize("place", ["nothing", "."])
async def test_what_can_t_be_read(portal: DatabaseUrl, tmp_path: Path, place: str) -> None:
    status, _, errors = medianest("db", "restore", str(tmp_path / place))
    assert (status, errors.count("\n")) == (1, 1)
    assert "can't be read: " in errors


async def test_pg_restore_alone_can_read_it(
    backup: Path, portal: DatabaseUrl, target: DatabaseUrl, bindir: Path
) -> None:
    await run_program(bindir / "pg_restore", "--exit-on-error", str(backup), url=target)
    assert await rows_of(target) == await rows_of(portal)


async def test_a_backup_of_a_newer_version(backup: Path, target: DatabaseUrl) -> None:
    change_manifest(backup, migrations=(*FILES, "99_20300101000000_ratings.py"), package="9.0")
    with pytest.raises(MigrationError, match=r"another version of this package, 9\.0, with .* 99_20300101000000_rat"):
        await restore_backup(backup, target)
    assert await objects_of(target) == []


async def test_a_backup_of_an_older_version(
    backup: Path, target: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = copy_of_migrations(tmp_path)
    use_folder(monkeypatch, models.parent)
    new = add_migration(models, "900000001_20300101000000_new.py", "CREATE TABLE more (id int)")
    assert (await restore_backup(backup, target)).pending == (new,)
    assert await migrate(target) == [new]


async def test_a_backup_of_a_newer_server(backup: Path, target: DatabaseUrl) -> None:
    change_manifest(backup, server=99)
    with pytest.raises(BackupError, match=r"is of PostgreSQL 99 and .* restore it on PostgreSQL 99 or newer"):
        await restore_backup(backup, target)
    assert await objects_of(target) == []


async def test_a_backup_that_lacks_rows(backup: Path, target: DatabaseUrl) -> None:
    manifest = read_manifest(backup)
    change_manifest(backup, rows=manifest.rows | {"public.users": 1234})
    with pytest.raises(BackupError, match=r"everything in the backup was restored, but .* other numbers of rows"):
        await restore_backup(backup, target)


async def test_the_role_s_timeouts_end_nothing(
    portal: DatabaseUrl, backup: Path, target: DatabaseUrl, tmp_path: Path
) -> None:
    for url in (portal, target):
        async with connection_to(url) as connection:
            for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
                await connection.execute(f'ALTER DATABASE "{url.database}" SET {name} = 30')
    await restore_backup(backup, target)
    await make_backup(tmp_path / "again")
    async with connection_to(target) as connection:
        assert (await count_rows(connection))["public.users"] == USERS + 2
