"""Restoring a backup into an empty database."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from medianest_models.backups.contents import count_rows, end_timeouts, objects_in
from medianest_models.backups.files import Manifest, read_manifest
from medianest_models.backups.making import resolve_unpooled
from medianest_models.backups.programs import find_programs, run_program
from medianest_models.db.direct import direct_connection
from medianest_models.db.forks import ForkSafeConnection
from medianest_models.db.locks import AdvisoryLock, session_lock
from medianest_models.db.requirements import check_requirements, read_status
from medianest_models.errors import BackupError
from medianest_models.settings import DatabaseUrl

_LOCK_SECONDS: Final = 600.0
_SHOWN: Final = 5


@dataclass(frozen=True)
class RestoreReport:
    """The outcome of restoring a backup.

    Attributes:
        manifest: The manifest of the backup.
        pending: The migrations that the database lacks, because the backup is of an older version of this package.
    """

    manifest: Manifest
    pending: tuple[str, ...]


async def restore_backup(
    path: Path, url: DatabaseUrl | None = None, *, progress: Callable[[str], None] = lambda _: None
) -> RestoreReport:
    """Restore a backup into an empty database, all of it or nothing, and collect the statistics for the planner.

    Everything belongs to the role of the URL afterwards. Other roles get the privileges that they had: they must exist.

    Args:
        path: The file.
        url: The database; without it `DATABASE_DIRECT_URL`, `DATABASE_URL` or the embedded server.
        progress: Called with a sentence for each step.

    Raises:
        BackupError: The file is no backup, the database is not empty or can't take it, or pg_restore failed; or the
            backup does not hold the rows that it should.
        MigrationError: The backup is of a newer version of this package.
        ConfigurationError: There is no pg_restore of the server's major version, or only a pooler's URL; or the
            database or the role is set up in a way that can't work.
        DatabaseUnavailableError: The database can't be reached, or another process migrates it for too long.
    """
    manifest = read_manifest(path)
    url = await resolve_unpooled(url)
    waiting = partial(progress, "Another process is migrating the database: waiting for it")
    async with (
        direct_connection(url) as connection,
        session_lock(connection, AdvisoryLock.MIGRATING, seconds=_LOCK_SECONDS, waiting=waiting),
    ):
        await check_requirements(connection, for_migrations=True)
        await _check_target(connection, url, manifest)
        progress(f"Restoring {sum(manifest.rows.values()):,} rows of {len(manifest.rows)} tables")
        await load_archive(path, manifest, connection, url)
        if await count_rows(connection) != manifest.rows:
            raise BackupError(
                "everything in the backup was restored, but the tables have other numbers of rows than when it was "
                "made: `medianest db verify-backup` says which"
            )
        return RestoreReport(manifest, (await read_status(connection)).pending)


async def load_archive(
    path: Path, manifest: Manifest, connection: ForkSafeConnection, url: DatabaseUrl, *options: str
) -> None:
    """Run pg_restore in one transaction, and then ANALYZE.

    Args:
        path: The file.
        manifest: Its manifest.
        connection: A connection to the database.
        url: The URL of that connection.
        *options: Further options of pg_restore.
    """
    server = connection.get_server_version().major
    if server < manifest.server:
        raise BackupError(
            f"the backup is of PostgreSQL {manifest.server} and {url.masked} is PostgreSQL {server}: "
            f"restore it on PostgreSQL {manifest.server} or newer"
        )
    program = find_programs(server, "pg_restore") / "pg_restore"
    host, port = connection.place
    schemas = [row["nspname"] for row in await connection.fetch("SELECT nspname FROM pg_namespace")]
    entries = (await run_program(program, "--list", "--", str(path))).splitlines()
    # Without the schemas that exist, such as that of the URL: CREATE SCHEMA would fail.
    wanted = [entry for entry in entries if not any(f" SCHEMA - {schema} " in entry for schema in schemas)]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as contents:
        contents.write("\n".join(wanted))
        contents.flush()
        await run_program(
            program,
            "--single-transaction",
            "--exit-on-error",
            "--no-owner",
            f"--use-list={contents.name}",
            *options,
            "--",
            str(path),
            url=replace(url, host=host, port=port, fallbacks=()),
        )
    await end_timeouts(connection)
    await connection.execute("ANALYZE")


async def _check_target(connection: ForkSafeConnection, url: DatabaseUrl, manifest: Manifest) -> None:
    """Raise a BackupError unless the backup fits into the database."""
    there = await objects_in(connection)
    if there:
        more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
        raise BackupError(
            f"{url.masked} is not empty, it has {', '.join(there[:_SHOWN])}{more}: a backup is restored into an empty "
            "database only; create one and set DATABASE_URL to it"
        )
    schema = await connection.fetchval("SELECT current_schema()")
    if schema != manifest.schema:
        raise BackupError(
            f"the backup has its tables in the schema {manifest.schema}, but they would be looked for in {schema}: "
            f"run CREATE SCHEMA, and add schema={manifest.schema} to the URL"
        )
