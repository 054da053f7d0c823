"""`medianest db backup`: what it saves, and what it leaves behind when it can't."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shlex
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from medianest_models.backups import Manifest, make_backup, read_manifest
from medianest_models.backups.files import append_manifest
from medianest_models.cli.backups import ended_by_sigterm
from medianest_models.errors import BackupError, ConfigurationError, DatabaseTimeoutError, DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.backups.conftest import USERS, names_in
from tests.commands import PROGRAM, document, medianest
from tests.db.crashes import has_ended, wait_until
from tests.db.proxies import proxy_to
from tests.servers import connection_to


async def run(url: DatabaseUrl, statement: str) -> None:
    async with connection_to(url) as connection:
        await connection.execute(statement)


def run_in_thread(url: DatabaseUrl, statement: str) -> None:
    """Run a statement from code that can't await."""
    with ThreadPoolExecutor() as pool:
        pool.submit(asyncio.run, run(url, statement)).result()


async def test_the_manifest_says_what_there_is(portal: DatabaseUrl, medianest_server: Server, tmp_path: Path) -> None:
    file = tmp_path / "a backup"
    made = document("db", "backup", str(file))
    manifest = read_manifest(file)
    assert made["rows"] == manifest.rows
    assert made["bytes"] == file.stat().st_size
    assert (manifest.server, manifest.schema) == (medianest_server.major, "public")
    assert manifest.rows["public.users"] == USERS + 2
    assert manifest.rows["public.service_status_history"] == 1
    assert not [name for name in manifest.rows if "_20" in name or "default" in name]  # no partitions
    assert manifest.migrations == tuple(document("db", "status")["migrations"]["applied"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == ["a backup"]
    status, output, errors = medianest("db", "backup", str(tmp_path / "another"))
    assert (status, errors) == (0, f"Saving {sum(manifest.rows.values())} rows of {len(manifest.rows)} tables\n")
    assert output.startswith("Saved ")


async def test_the_numbers_are_those_of_the_archive(portal: DatabaseUrl, tmp_path: Path) -> None:
    file = tmp_path / "backup"

    def write_between(_: str) -> None:
        run_in_thread(portal, "INSERT INTO users (plex_id, plex_username) VALUES ('late', 'Late')")

    manifest = await make_backup(file, progress=write_between)
    assert manifest.rows["public.users"] == USERS + 2
    assert document("db", "verify-backup", str(file))["problems"] == []


async def test_no_file_is_replaced(portal: DatabaseUrl, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_text("precious")
    with pytest.raises(BackupError, match=f"^{file} exists: a backup never replaces a file$"):
        await make_backup(file)
    file.unlink()

    def someone_writes(_: str) -> None:
        file.write_text("precious")

    with pytest.raises(BackupError, match="exists"):
        await make_backup(file, progress=someone_writes)
    file.unlink()
    file.symlink_to("nowhere")
    with pytest.raises(BackupError, match="exists"):
        await make_backup(file)
    assert names_in(tmp_path) == ["backup"]


@pytest.mark.parametrize("place", ["no/folder", "x" * 300, "a file/in it"])
async def test_a_place_that_can_t_be_written(portal: DatabaseUrl, tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(BackupError, match="can't be written"):
        await make_backup(tmp_path / place)


def test_a_full_disk_leaves_nothing(portal: DatabaseUrl, tmp_path: Path) -> None:
    command = f"ulimit -f 20; exec {shlex.quote(str(PROGRAM))} db backup backup"
    ended = subprocess.run(["/bin/bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Error: pg_dump failed: " in ended.stderr
    assert names_in(tmp_path) == []


def test_a_disk_that_becomes_full_in_the_last_bytes(tmp_path: Path) -> None:
    manifest = Manifest(datetime.now(UTC), "1", 18, "public", (), {"public.users": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with (tmp_path / "backup").open("wb", buffering=0) as file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
        try:
            with pytest.raises(BackupError, match="the backup can't be written"):
                append_manifest(file, manifest)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_table_that_stays_locked(portal: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "0.05")
    async with connection_to(portal) as someone, someone.transaction():
        await someone.execute("LOCK TABLE services")
        with pytest.raises(DatabaseTimeoutError, match="lock was not free"):
            await make_backup(tmp_path / "backup")
    assert names_in(tmp_path) == []


async def test_a_row_that_the_role_may_not_see(portal: DatabaseUrl, tmp_path: Path) -> None:
    role = f"medianest_reader_{os.getpid()}"
    await run(portal, f"CREATE ROLE {role} LOGIN; GRANT pg_read_all_data TO {role}")
    try:
        url = replace(portal, user=role)
        assert (await make_backup(tmp_path / "all", url)).rows["public.users"] == USERS + 2
        await run(portal, "ALTER TABLE users ENABLE ROW LEVEL SECURITY")
        with pytest.raises(DatabaseUnavailableError, match="lacks a privilege"):
            await make_backup(tmp_path / "some", url)
    finally:
        await run(portal, f"DROP ROLE {role}")
    assert names_in(tmp_path) == ["all"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(
    portal: DatabaseUrl, tmp_path: Path, slow_programs: Callable[[str], Path], number: int
) -> None:
    pid, folder = slow_programs("pg_dump"), tmp_path / "backups"
    folder.mkdir()
    with subprocess.Popen([PROGRAM, "db", "backup", folder / "backup"], stderr=subprocess.PIPE, text=True) as process:
        wait_until(pid.exists)
        assert len(names_in(folder)) == 1
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.splitlines()[-1]) == (130, "Stopped.")
    assert names_in(folder) == []
    assert has_ended(int(pid.read_text()))


async def test_sigterm_is_handled_only_while_a_command_runs() -> None:
    with ended_by_sigterm():
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_command_line_has_no_password_and_the_host_that_answered(
    portal: DatabaseUrl, bindir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    script = (
        f'#!/bin/sh\necho "$@" "$PGPASSWORD" $PGOPTIONS >> {seen}\nexec {shlex.quote(str(bindir / "pg_dump"))} "$@"\n'
    )
    (tmp_path / "pg_dump").write_text(script)
    (tmp_path / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PG_BINDIR", str(tmp_path))
    monkeypatch.setenv("PGOPTIONS", "-cstray=1")
    url = replace(portal, password=portal.password or SecretStr("hidden & secret"))
    url = replace(url, host="/nowhere", port=5432, fallbacks=((portal.host, portal.port),))
    assert url.password
    document("db", "backup", str(tmp_path / "backup"), DATABASE_URL=url.render().get_secret_value())
    *arguments, last = seen.read_text().splitlines()
    assert last.endswith(f" {url.password.get_secret_value()}")
    assert "secret" not in last.removesuffix(f" {url.password.get_secret_value()}")
    assert "secret" not in "".join(arguments)
    assert portal.host in last
    assert "nowhere" not in last


async def test_over_tcp(portal: DatabaseUrl, tmp_path: Path) -> None:
    async with proxy_to(portal) as proxy:
        assert proxy.url.host == "127.0.0.1"
        assert (await make_backup(tmp_path / "backup", proxy.url)).rows["public.users"] == USERS + 2


async def test_a_database_without_migrations(empty_url: DatabaseUrl, tmp_path: Path) -> None:
    status, output, errors = medianest("db", "backup", str(tmp_path / "backup"), "--json")
    assert (status, errors) == (1, "")
    assert json.loads(output) == {"error": f"{empty_url.masked} has no migrations, so there is nothing to save"}
    assert names_in(tmp_path) == []


async def test_behind_a_pooler_the_direct_url_is_needed(portal: DatabaseUrl, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^DATABASE_DIRECT_URL: is needed for backups"):
        await make_backup(tmp_path / "backup", replace(portal, pgbouncer=True))
