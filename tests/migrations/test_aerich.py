"""`aerich upgrade`, `migrate` and `downgrade` work unchanged."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from medianest_models.settings import DatabaseUrl
from tests.migrations import catalog
from tests.migrations.base_rows import insert_all
from tests.migrations.commands import CHECKOUT, FILES, FOLDER, add_migration, aerich, copy_of_migrations, start_aerich
from tests.servers import connect

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
AERICH_S_OWN = {"table aerich", "sequence aerich_id_seq", "index aerich_pkey", "index uq_aerich_app_version"}


async def schema(look: Connection) -> list[Any]:
    """Return the whole schema."""
    parts = (catalog.columns, catalog.constraints, catalog.indexes, catalog.triggers, catalog.objects)
    return [await part(look) for part in parts]


async def test_up_and_down_and_up_again(empty_url: DatabaseUrl, look: Connection, tmp_path: Path) -> None:
    upgraded = aerich(empty_url, "upgrade")
    assert (upgraded.returncode, upgraded.stderr) == (0, "")
    assert upgraded.stdout.splitlines() == [f"Success upgrading to {name}" for name in FILES]
    first = await schema(look)

    again = aerich(empty_url, "upgrade")
    assert (again.returncode, again.stdout) == (0, "No upgrade items found\n")
    assert await schema(look) == first

    models = copy_of_migrations(tmp_path)
    migrated = aerich(empty_url, "migrate", folder=tmp_path)
    assert (migrated.returncode, migrated.stdout) == (0, "No changes detected\n")
    assert sorted(path.name for path in models.glob("*.py")) == sorted(FILES)

    downgraded = aerich(empty_url, "downgrade", "-v", "0", "--yes")
    assert downgraded.returncode == 0
    assert sorted(downgraded.stdout.splitlines()) == sorted(f"Success downgrading to {name}" for name in FILES)
    assert await catalog.objects(look) == AERICH_S_OWN
    assert await look.fetchval("SELECT count(*) FROM aerich") == 0

    assert aerich(empty_url, "upgrade").stdout == upgraded.stdout
    assert await schema(look) == first
    assert aerich(empty_url, "migrate", folder=tmp_path).stdout == "No changes detected\n"


async def test_down_with_data_in_the_tables_and_what_others_made(empty_url: DatabaseUrl, look: Connection) -> None:
    await look.execute("CREATE TABLE theirs (id int PRIMARY KEY); CREATE SCHEMA other; CREATE TABLE other.users ()")
    aerich(empty_url, "upgrade")
    await insert_all(look)
    assert aerich(empty_url, "downgrade", "-v", "0", "--yes").returncode == 0
    assert await catalog.objects(look) == AERICH_S_OWN | {"table theirs", "index theirs_pkey", "schema other"}
    assert "table users" in await catalog.objects(look, "other")


async def test_a_file_that_fails_halfway_leaves_nothing(
    empty_url: DatabaseUrl, look: Connection, tmp_path: Path
) -> None:
    models = copy_of_migrations(tmp_path)
    good = add_migration(models, "900000001_20300101000000_good.py", "CREATE TABLE good ()", "DROP TABLE good")
    add_migration(models, "900000002_20300101000001_bad.py", "CREATE TABLE bad (); INSERT INTO nowhere VALUES (1)")
    failed = aerich(empty_url, "upgrade", folder=tmp_path)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert failed.stderr.startswith("Error: ")
    assert "table bad" not in await catalog.objects(look)
    assert [row[0] for row in await look.fetch("SELECT version FROM aerich ORDER BY id")] == [*FILES, good]
    (models / "900000002_20300101000001_bad.py").unlink()
    assert aerich(empty_url, "upgrade", folder=tmp_path).stdout == "No upgrade items found\n"
    assert aerich(empty_url, "downgrade", "--yes", folder=tmp_path).returncode == 0
    assert "table good" not in await catalog.objects(look)
    assert "table users" in await catalog.objects(look)


async def test_of_eight_at_once_each_file_is_applied_once(empty_url: DatabaseUrl, look: Connection) -> None:
    gate = await connect(empty_url)
    transaction = gate.transaction()
    await transaction.start()
    await gate.execute("CREATE TABLE aerich (id int)")  # another session that creates it waits for this transaction
    processes = [start_aerich(empty_url, "upgrade") for _ in range(8)]
    try:
        while await look.fetchval(WAITING) < len(processes):
            assert all(process.poll() is None for process in processes)
            await look.execute("SELECT pg_sleep(0.05)")
        await transaction.rollback()
        await gate.close()
        ends = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [row[0] for row in await look.fetch("SELECT version FROM aerich ORDER BY id")] == FILES
    winners = [output for process, (output, _) in zip(processes, ends, strict=True) if process.returncode == 0]
    assert any("Success upgrading" in output for output in winners)
    for process, (_, errors) in zip(processes, ends, strict=True):
        assert process.returncode == 0 or (process.returncode == 1 and errors.startswith("Error: "))
    assert aerich(empty_url, "upgrade").stdout == "No upgrade items found\n"


async def test_no_superuser_is_needed(look: Connection) -> None:
    role = f"medianest_ordinary_{os.getpid()}"
    await look.execute(f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}; SET ROLE {role}")
    try:
        modules = [runpy.run_path(str(FOLDER / name)) for name in FILES]
        for module in modules:
            await look.execute(await module["upgrade"](None))
        await insert_all(look)
        for module in reversed(modules):
            await look.execute(await module["downgrade"](None))
    finally:
        await look.execute(f"RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        ("mysql://someone:canary@somewhere/db", "development"),
        ("postgresql://someone:canary@127.0.0.1:1/db", "development"),
        ("", "production"),
    ],
)
def test_a_wrong_setting_gets_one_line(url: str, environment: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "aerich", "upgrade"],
        cwd=CHECKOUT,
        env=os.environ | {"DATABASE_URL": url, "MEDIANEST_ENV": environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert "DATABASE_URL" in line
    assert "canary" not in line
